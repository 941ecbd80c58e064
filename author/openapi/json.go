package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// jsonReader makes a tree of a JSON document.
type jsonReader struct {
	*document
	tokens *json.Decoder
	at     place
}

// place counts lines up to an offset, which only grows.
type place struct {
	offset, line, start int // start is where the line begins
}

// to gives line and column of an offset that is no smaller than the one before.
func (p *place) to(source []byte, offset int) (line, column int) {
	for {
		i := bytes.IndexByte(source[p.offset:offset], '\n')
		if i < 0 {
			p.offset = offset
			return p.line + 1, offset - p.start + 1
		}
		p.offset += i + 1
		p.line, p.start = p.line+1, p.offset
	}
}

// readJSON makes a tree of a JSON document.
func (d *document) readJSON() error {
	r := jsonReader{document: d, tokens: json.NewDecoder(bytes.NewReader(d.source))}
	r.tokens.UseNumber()
	root, err := r.value(0)
	if err != nil {
		return err
	}
	d.root = root
	if _, err := r.tokens.Token(); !errors.Is(err, io.EOF) {
		line, column := r.at.to(d.source, r.next())
		return d.mistake(line, column, "expected nothing after the document's last brace")
	}
	return nil
}

// next is where the next token begins.
func (r *jsonReader) next() int {
	offset := int(r.tokens.InputOffset())
	for offset < len(r.source) && bytes.IndexByte([]byte(" \t\r\n:,"), r.source[offset]) >= 0 {
		offset++
	}
	return offset
}

// token reads one token and tells where it stands.
func (r *jsonReader) token() (token json.Token, line, column int, err error) {
	line, column = r.at.to(r.source, r.next())
	token, err = r.tokens.Token()
	if err == nil {
		return token, line, column, nil
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		// The offset is one past the character that is wrong.
		behind := max(int(syntax.Offset)-1, r.at.offset)
		line, column = r.at.to(r.source, min(behind, len(r.source)))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		line, column = r.at.to(r.source, len(r.source))
		return nil, line, column, r.mistake(line, column, "the document ends too early: expected it whole")
	}
	return nil, line, column, r.mistake(line, column, "reading JSON: %v", err)
}

// value reads one value with all that is inside.
func (r *jsonReader) value(depth int) (*value, error) {
	token, line, column, err := r.token()
	if err != nil {
		return nil, err
	}
	if r.values++; r.values > maxValues {
		return nil, r.mistake(line, column, "the document has more than %d values", maxValues)
	}
	v := &value{line: line, column: column}
	switch t := token.(type) {
	case json.Delim:
		if depth >= maxDepth {
			return nil, r.mistake(line, column, "the document nests deeper than %d levels", maxDepth)
		}
		return v, r.inside(v, t, depth)
	case string:
		v.kind, v.text = isText, t
	case json.Number:
		v.kind, v.text = isNumber, t.String()
	case bool:
		v.kind, v.text = isBool, fmt.Sprint(t)
	case nil:
		v.kind, v.text = isNull, "null"
	}
	return v, nil
}

// inside reads what stands in a list or an object, whose opening was read.
func (r *jsonReader) inside(v *value, opening json.Delim, depth int) error {
	v.kind = isList
	if opening == '{' {
		v.kind = isObject
	}
	for r.tokens.More() {
		var f field
		if v.kind == isObject {
			name, line, column, err := r.token()
			if err != nil {
				return err
			}
			text, isName := name.(string)
			if !isName {
				return r.mistake(line, column, "expected a name in quotes")
			}
			f.name = text
		}
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		if f.value = item; v.kind == isObject {
			v.fields = append(v.fields, f)
		} else {
			v.items = append(v.items, item)
		}
	}
	if _, _, _, err := r.token(); err != nil { // The closing bracket or brace.
		return err
	}
	return r.finish(v)
}
