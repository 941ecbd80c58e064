package extract

import (
	"bytes"
	"strconv"
)

// decode builds the value of a JSON text that has been checked.
func decode(raw []byte) any {
	w := walker{raw: raw}
	w.space()
	return w.value()
}

// walker moves through JSON that has been checked. Since the text is valid, it
// only asks what comes next, never whether; depth and size have been bounded.
type walker struct {
	raw []byte
	pos int
}

func (w *walker) value() any {
	switch w.raw[w.pos] {
	case '{':
		return w.object()
	case '[':
		return w.array()
	}
	return decodeScalar(w.scalar())
}

func (w *walker) object() map[string]any {
	m := make(map[string]any)
	for w.open(); w.raw[w.pos] != '}'; w.next() {
		name := decodeString(w.scalar())
		w.colon()
		m[name] = w.value()
	}
	w.pos++
	return m
}

func (w *walker) array() []any {
	a := []any{}
	for w.open(); w.raw[w.pos] != ']'; w.next() {
		a = append(a, w.value())
	}
	w.pos++
	return a
}

func (w *walker) scalar() []byte {
	start := w.pos
	w.pos += scalarSize(w.raw[start:])
	return w.raw[start:w.pos]
}

// open skips a bracket or a comma, and the blanks behind it.
func (w *walker) open() {
	w.pos++
	w.space()
}

// colon skips a colon and the blanks around it.
func (w *walker) colon() {
	w.space()
	w.open()
}

// next skips a comma, if there is one, and the blanks around it.
func (w *walker) next() {
	w.space()
	if w.raw[w.pos] == ',' {
		w.open()
	}
}

func (w *walker) space() {
	for w.pos < len(w.raw) && isSpace(w.raw[w.pos]) {
		w.pos++
	}
}

// scalarSize is the length of the string, number or word that the valid JSON
// in raw starts with.
func scalarSize(raw []byte) int {
	if raw[0] != '"' {
		for i, c := range raw {
			if isSpace(c) || c == ',' || c == ']' || c == '}' {
				return i
			}
		}
		return len(raw)
	}
	for i := 1; ; i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

func decodeScalar(raw []byte) any {
	switch raw[0] {
	case '"':
		return decodeString(raw)
	case 't':
		return true
	case 'f':
		return false
	case 'n':
		return nil
	}
	text := string(raw)
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	// Numbers out of range have been refused, so that there can be no error.
	f, _ := strconv.ParseFloat(text, 64)
	return f
}

// decodeString decodes a string that stands in quotes.
func decodeString(raw []byte) string {
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	return string(appendUnquoted(make([]byte, 0, len(raw)), raw))
}
