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
	return m.tokens.Len(), m.signers.Len()
}

// Size sets how many tokens a Minter keeps.
func (m *Minter) Size(tokens int) {
	m.tokens = newCache[*minted](tokens)
}
