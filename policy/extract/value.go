package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Kind is what a value is.
type Kind uint8

// The kinds of values. Missing is the zero value's: nothing was there.
const (
	Missing Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String is the kind's name in lower case.
func (k Kind) String() string {
	names := [...]string{"missing", "null", "bool", "number", "string", "array", "object"}
	if int(k) >= len(names) {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return names[k]
}

// kindOf tells the kind from the first byte of valid JSON.
func kindOf(first byte) Kind {
	switch first {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}

// Value is one value that was read, as JSON text, or none: the zero value is
// missing. It is one word more than a slice and is passed by value; copies
// are safe for concurrent use.
//
// A value of a single-place path is a piece of the document and shares its
// bytes: whoever keeps it longer than them calls Clone.
type Value struct {
	raw  []byte // one valid JSON value without blanks around it
	kind Kind
}

// FromJSON makes a value of a JSON text, such as the default of a variable. The
// text is copied. Errors are those of Reader.Read.
func FromJSON(raw []byte) (Value, error) {
	s := scanner{doc: raw}
	if err := s.document(nil); err != nil {
		return Value{}, err
	}
	raw = appendCompact(nil, raw)
	return Value{raw: raw, kind: kindOf(raw[0])}, nil
}

// FromAny makes a value of a Go value that encoding/json can encode: what
// Value.Any gives, and numbers, maps and slices of other types. It is an error
// when encoding/json cannot encode it, or when it is over the bounds of a
// document.
func FromAny(v any) (Value, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	// The text of a string is that of the string, not of an HTML page.
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return Value{}, fmt.Errorf("encoding value: %w", err)
	}
	return FromJSON(buf.Bytes())
}

// Decode gives a whole document as Value.Any would give it. Errors are those
// of Reader.Read.
func Decode(doc []byte) (any, error) {
	s := scanner{doc: doc}
	if err := s.document(nil); err != nil {
		return nil, err
	}
	return decode(doc), nil
}

// Exists reports whether there is a value. JSON's null is one.
func (v Value) Exists() bool { return v.kind != Missing }

// Kind tells what the value is.
func (v Value) Kind() Kind { return v.kind }

// Clone is the value with bytes of its own, as many as its text has.
func (v Value) Clone() Value {
	v.raw = bytes.Clone(v.raw)
	return v
}

// Any is the value as conditions see it: string, bool, map[string]any, []any;
// int for a number without fraction and exponent that an int holds, float64
// for any other number; nil for null, and for a missing value too. Escapes of
// a string are undone, and half of a surrogate pair becomes U+FFFD. Nothing in
// it shares the bytes of the document.
func (v Value) Any() any {
	if v.kind == Missing {
		return nil
	}
	return decode(v.raw)
}

// AppendText appends the value as it stands in a header before
// percent-encoding: a string bare, with its escapes undone, and everything else
// as AppendJSON has it. A missing value appends nothing.
func (v Value) AppendText(dst []byte) []byte {
	if v.kind == String {
		return appendUnquoted(dst, v.raw[1:len(v.raw)-1])
	}
	return v.AppendJSON(dst)
}

// AppendJSON appends the value as compact JSON, without blanks outside
// strings. Numbers keep all their digits, and strings their escapes; members
// with the same name all stay. A missing value appends nothing.
func (v Value) AppendJSON(dst []byte) []byte { return appendCompact(dst, v.raw) }

// appendCompact appends valid JSON without its blanks.
func appendCompact(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		start := i
		for i < len(raw) && !isSpace(raw[i]) {
			if raw[i] == '"' {
				i += scalarSize(raw[i:])
			} else {
				i++
			}
		}
		dst = append(dst, raw[start:i]...)
		for i < len(raw) && isSpace(raw[i]) {
			i++
		}
	}
	return dst
}
