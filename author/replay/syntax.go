package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// SyntaxError is a file that cannot be read on.
type SyntaxError struct {
	// Line is from 1, Offset counts bytes from 0, and Number is that of the last call
	// that began before, 0 where there is none.
	Line   int
	Offset int64
	Number int
	Text   string
}

// Error tells place and remedy.
func (e *SyntaxError) Error() string {
	near := ""
	if e.Number > 0 {
		near = fmt.Sprintf(", near call %d", e.Number)
	}
	return fmt.Sprintf("line %d, byte %d%s: %s", e.Line, e.Offset, near, e.Text)
}

// wrong makes the error of the present place.
func (s *splitter) wrong(format string, args ...any) error {
	return &SyntaxError{Line: s.line, Offset: s.offset, Number: s.number, Text: fmt.Sprintf(format, args...)}
}

// syntaxOf gives the place and the text of what is wrong with a document.
func (d *document) syntaxOf(err error) error {
	at := &SyntaxError{Line: d.line, Offset: d.offset, Number: d.number, Text: strings.TrimPrefix(err.Error(), "json: ") + ": expected JSON as it was exported"}
	offset := int64(0)
	if syntax, is := errors.AsType[*json.SyntaxError](err); is {
		offset = syntax.Offset
	}
	if other, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		offset = other.Offset
		name := other.Field[strings.LastIndexByte(other.Field, '.')+1:]
		at.Text = fmt.Sprintf("found a %s where %s is expected", other.Value, jsonKind(other.Type.Kind()))
		if name != "" {
			at.Text = name + ": " + at.Text
		}
	}
	before := d.raw[:min(max(offset, 0), int64(len(d.raw)))]
	at.Line += bytes.Count(before, newline)
	at.Offset += int64(len(before))
	return at
}

// jsonKind names in words of JSON what a value of Go is read from.
func jsonKind(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "an object"
	default:
		return "a number"
	}
}
