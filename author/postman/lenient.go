package postman

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// text is a text, wherever Postman writes a text, an object with one in it, a
// number or nothing. All else is its JSON.
type text string

// UnmarshalJSON never fails: what is no text in any of these ways is taken as it is
// written.
func (t *text) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		var s string
		_ = json.Unmarshal(data, &s) // A text that the decoder has looked at.
		*t = text(s)
	case '{':
		var described struct {
			Content *string `json:"content"`
		}
		if json.Unmarshal(data, &described) == nil && described.Content != nil {
			*t = text(*described.Content)
			return nil
		}
		fallthrough
	case '[':
		var compact bytes.Buffer
		_ = json.Compact(&compact, data)
		*t = text(compact.String())
	case 'n':
		*t = ""
	default:
		*t = text(data)
	}
	return nil
}

// pieces are the labels of a host or the segments of a path: a list, or a text with
// all of them.
type pieces []string

// UnmarshalJSON never fails: what is no piece is left out.
func (p *pieces) UnmarshalJSON(data []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		var whole text
		_ = whole.UnmarshalJSON(data)
		*p = nil
		if whole != "" {
			*p = pieces{string(whole)}
		}
		return nil
	}
	for _, one := range list {
		var valued struct {
			Value text `json:"value"`
		}
		if one[0] == '{' && lenient(json.Unmarshal(one, &valued)) == nil {
			*p = append(*p, string(valued.Value))
			continue
		}
		var plain text
		_ = plain.UnmarshalJSON(one)
		*p = append(*p, string(plain))
	}
	return nil
}

// params are names with values: a list, or an object.
type params []param

// UnmarshalJSON never fails: what has no name and value is left out.
func (p *params) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '[':
		var list []json.RawMessage
		_ = json.Unmarshal(data, &list)
		for _, one := range list {
			var read param
			if one[0] == '{' && lenient(json.Unmarshal(one, &read)) == nil {
				*p = append(*p, read)
			}
		}
	case '{':
		decoder := json.NewDecoder(bytes.NewReader(data)) // In the order in which they stand.
		_, _ = decoder.Token()
		for decoder.More() {
			name, _ := decoder.Token() // The decoder around it has looked at all of this.
			var value text
			_ = decoder.Decode(&value)
			key, _ := name.(string)
			if *p = append(*p, param{Key: text(key), Value: value}); len(*p) > maxFields {
				return nil // There are too many already.
			}
		}
	case '"':
		var encoded text
		_ = encoded.UnmarshalJSON(data)
		*p = splitQuery(string(encoded))
	}
	return nil
}

// headers are a list, or a text with a line for each.
type headers []param

// UnmarshalJSON never fails: what is no header is left out.
func (h *headers) UnmarshalJSON(data []byte) error {
	if data[0] != '"' {
		return (*params)(h).UnmarshalJSON(data)
	}
	var all text
	_ = all.UnmarshalJSON(data)
	for line := range strings.Lines(string(all)) {
		name, value, found := strings.Cut(line, ":")
		if found {
			*h = append(*h, param{Key: text(strings.TrimSpace(name)), Value: text(strings.TrimSpace(value))})
		}
		if len(*h) > maxFields {
			break // There are too many already.
		}
	}
	return nil
}

// lines are the lines of a script: a list, or one text.
type lines []string

// UnmarshalJSON never fails: what is no line is left out.
func (l *lines) UnmarshalJSON(data []byte) error {
	return (*pieces)(l).UnmarshalJSON(data)
}

// lenient passes over values of another type than the schema's: they are left out,
// and all others are read.
func lenient(err error) error {
	var odd *json.UnmarshalTypeError
	if errors.As(err, &odd) {
		return nil
	}
	return err
}

// UnmarshalJSON reads a request, which may be its address alone.
func (r *request) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		*r = request{}
		return r.URL.UnmarshalJSON(data)
	}
	type bare request
	return lenient(json.Unmarshal(data, (*bare)(r)))
}

// UnmarshalJSON reads an address, which may be one text.
func (a *address) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		*a = address{}
		return a.Raw.UnmarshalJSON(data)
	}
	type bare address
	return lenient(json.Unmarshal(data, (*bare)(a)))
}

// UnmarshalJSON reads the parameters of a scheme, which are a list in v2.1 and an
// object in v2.0. Where it is null there is no credential.
func (a *auth) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := lenient(json.Unmarshal(data, &members)); err != nil {
		return err
	}
	var kind text
	if raw, found := members["type"]; found {
		_ = kind.UnmarshalJSON(raw)
	}
	a.Kind, a.Params = strings.ToLower(string(kind)), make(map[string]string)
	var read params
	if raw, found := members[string(kind)]; found {
		_ = read.UnmarshalJSON(raw)
	}
	for _, p := range read {
		a.Params[string(p.Key)] = string(p.Value)
	}
	return nil
}
