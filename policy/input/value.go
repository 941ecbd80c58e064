package input

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// kind is what a value is.
type kind uint8

const (
	kindMissing kind = iota // The zero value's: nothing is there.
	kindText
	kindNumber
	kindBool
	kindNull
	kindTree // A list or an object.
)

// kindOf tells the kind from the first byte of valid JSON.
func kindOf(first byte) kind {
	switch first {
	case '"':
		return kindText
	case 't', 'f':
		return kindBool
	case 'n':
		return kindNull
	case '[', '{':
		return kindTree
	}
	return kindNumber
}

// Value is the value of one variable, or none: the zero value is missing. What
// Set.Read gives shares no bytes with what the bot sent. It is passed by value;
// copies are safe for concurrent use.
type Value struct {
	kind kind
	text string // A text as it is, and everything else as compact JSON.
}

// Exists reports whether there is a value. An empty text and null are values.
func (v Value) Exists() bool { return v.kind != kindMissing }

// Text is the value as it stands where there are no quotes: a text bare, a
// number as it was written, true or false, and null, lists and objects as
// compact JSON. It is valid UTF-8, and may hold control characters, NUL too:
// the place where it goes decides what it can take. A missing value has none.
func (v Value) Text() string { return v.text }

// JSON is the value as compact JSON (RFC 8259), nil when it is missing. The
// bytes are the caller's.
func (v Value) JSON() []byte {
	if v.kind == kindMissing {
		return nil
	}
	return v.AppendJSON(nil)
}

// AppendJSON appends what JSON gives.
func (v Value) AppendJSON(dst []byte) []byte {
	if v.kind == kindText {
		return appendQuoted(dst, v.text)
	}
	return append(dst, v.text...)
}

// Any is the value as conditions see it: string, float64 or bool, and of type
// json also map[string]any, []any, and nil for null. A missing value gives nil,
// too. Numbers are rounded to doubles. What it gives is the caller's.
func (v Value) Any() any {
	switch v.kind {
	case kindText:
		return v.text
	case kindNumber:
		// That it is in range was seen when it was read.
		f, _ := strconv.ParseFloat(v.text, 64)
		return f
	case kindBool:
		return v.text == "true"
	case kindTree:
		var tree any
		// It was read by a stricter grammar than that of encoding/json.
		_ = json.Unmarshal([]byte(v.text), &tree)
		return tree
	}
	return nil
}

// appendQuoted appends a text as a string of JSON, escaping no more than has
// to be.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// unquote undoes the escapes of a string that the scanner has passed, given
// without its quotes. Without escapes, it is s itself.
func unquote(s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i >= 0 {
		b = append(b, s[:i]...)
		c := s[i+1]
		s = s[i+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		}
		if c == 'u' {
			r, _ := hex4(s)
			s = s[4:]
			if utf16.IsSurrogate(r) {
				low, _ := hex4(s[2:])
				r = utf16.DecodeRune(r, low)
				s = s[6:]
			}
			b = utf8.AppendRune(b, r)
		} else {
			b = append(b, c)
		}
		i = strings.IndexByte(s, '\\')
	}
	return string(append(b, s...))
}

// compact is valid JSON without the blanks outside its strings. Without any,
// it is s itself.
func compact(s string) string {
	var b []byte
	start := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			for i++; s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case isSpace(c):
			b = append(b, s[start:i]...)
			start = i + 1
		}
	}
	if start == 0 {
		return s
	}
	return string(append(b, s[start:]...))
}
