package replay

// follower finds the end of a value.
type follower struct {
	depth   int
	text    bool // in a string
	escaped bool // behind a backslash in it
	scalar  bool // in a number or a word
}

// follow gives how many bytes of the chunk belong to the value, and whether it ends
// there.
func (f *follower) follow(chunk []byte) (n int, done bool) {
	for n < len(chunk) {
		if f.text {
			if n = f.string(chunk, n); f.text || f.depth > 0 {
				continue
			}
			return n, true
		}
		switch c := chunk[n]; c {
		case '"':
			if f.scalar {
				return n, true
			}
			f.text = true
		case '{', '[':
			if f.scalar {
				return n, true
			}
			f.depth++
		case '}', ']':
			if f.depth == 0 {
				return n, true // It belongs to what is around the value.
			}
			if f.depth--; f.depth == 0 {
				return n + 1, true
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if f.depth == 0 {
				return n, true
			}
		default:
			f.scalar = f.depth == 0
		}
		n++
	}
	return n, false
}

// string gives where a string ends, or the chunk.
func (f *follower) string(chunk []byte, n int) int {
	for ; n < len(chunk); n++ {
		switch {
		case f.escaped:
			f.escaped = false
		case chunk[n] == '\\':
			f.escaped = true
		case chunk[n] == '"':
			f.text = false
			return n + 1
		}
	}
	return n
}
