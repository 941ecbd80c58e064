package jwt

// MaxTokens and MaxSigners are the bounds of a Minter.
const (
	MaxTokens  = maxTokens
	MaxSigners = maxSigners
)

// Kept tells how many tokens and keys a Minter keeps.
func (m *Minter) Kept() (tokens, signers int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.tokens.byKey), len(m.signers.byKey)
}

// Size sets how many tokens a Minter keeps.
func (m *Minter) Size(tokens int) {
	m.tokens = newLRU[hash, *minted](tokens)
}
