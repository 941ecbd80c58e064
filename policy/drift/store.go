package drift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// maxStored is the greatest length of a stored structure: each byte of a path
// takes at most two, and the rest of a line less than 64.
const maxStored = 2*MaxPathBytes + 64*MaxNodes

// The mark of a structure that is not whole, as the last member of its stored
// form.
const (
	truncatedName = "..."
	truncatedWord = "truncated"
)

// ErrStored means that what should be read is not the stored form of a structure.
var ErrStored = errors.New("not a stored structure")

// MarshalJSON gives the stored form: an object that has the path of each place
// and its types, in document order:
//
//	{"$":"object","$.items":"array","$.items[*]":"object|null","$.items[*].id":"string|missing"}
//
// A last member "...":"truncated" says that places were left out.
func (s *Structure) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	line := func(name, value string) error {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		// A string is always encoded; the encoder ends it with a line.
		if err := e.Encode(name); err != nil {
			return err
		}
		b.Truncate(b.Len() - 1)
		_, err := fmt.Fprintf(&b, `:"%s"`, value)
		return err
	}
	b.WriteByte('{')
	for n := range s.nodes {
		if err := line(s.path(int32(n)), s.nodes[n].types.String()); err != nil {
			return nil, err
		}
	}
	if s.truncated {
		if err := line(truncatedName, truncatedWord); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON wrote; s must not be in use yet. It
// takes the places in any order that has parents before children, and the
// types of a place in any order, and is strict otherwise. Errors wrap
// ErrStored, and say which place is wrong; s is then as it was.
func (s *Structure) UnmarshalJSON(data []byte) error {
	read, err := parseStored(data)
	if err != nil {
		return fmt.Errorf("reading structure: %w: %w", ErrStored, err)
	}
	*s = *read
	return nil
}

// loader puts stored places into a builder.
type loader struct {
	builder
	places map[string]int32
}

func parseStored(data []byte) (*Structure, error) {
	if len(data) > maxStored {
		return nil, fmt.Errorf("expecting at most %d bytes", maxStored)
	}
	if !json.Valid(data) {
		return nil, ErrNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("expecting an object")
	}
	l := loader{builder: newBuilder(), places: make(map[string]int32)}
	for d.More() {
		path, value, err := pair(d)
		if err != nil {
			return nil, err
		}
		if err := l.load(path, value); err != nil {
			return nil, fmt.Errorf("at %.200q: %w", path, err)
		}
	}
	if len(l.places) == 0 {
		return nil, errors.New("expecting $")
	}
	return l.finish(), nil
}

// pair reads a member that is a string.
func pair(d *json.Decoder) (name, value string, err error) {
	n, err := d.Token()
	if err != nil {
		return "", "", err
	}
	v, err := d.Token()
	if err != nil {
		return "", "", err
	}
	name, _ = n.(string)
	value, ok := v.(string)
	if !ok {
		return "", "", fmt.Errorf("at %.200q: expecting a string", name)
	}
	return name, value, nil
}

// load adds one place.
func (l *loader) load(path, value string) error {
	if l.truncated {
		return fmt.Errorf("expecting nothing behind %q", truncatedName)
	}
	if path == truncatedName && value == truncatedWord {
		l.truncated = true
		return nil
	}
	types, err := parseKinds(value)
	if err != nil {
		return err
	}
	if _, ok := l.places[path]; ok {
		return errors.New("expecting a place once")
	}
	n, err := l.locate(path, types)
	if err != nil {
		return err
	}
	if n < 0 {
		l.truncated = false
		return errors.New("exceeding the bounds of a structure")
	}
	l.places[path] = n
	l.drafts[n].types = types
	return nil
}

// locate makes a place of a path, or gives -1 where that is over the bounds.
func (l *loader) locate(path string, types kinds) (int32, error) {
	if path == "$" {
		if types&missing != 0 {
			return 0, errors.New("expecting $ to be there")
		}
		return 0, nil
	}
	at, name, err := lastStep(path)
	if err != nil {
		return 0, err
	}
	parent, ok := l.places[path[:at]]
	if !ok {
		return 0, errors.New("expecting its parent before it")
	}
	if path[at:] == every {
		if types&missing != 0 || l.drafts[parent].types&array == 0 {
			return 0, errors.New("expecting an element of an array")
		}
		return l.element(parent), nil
	}
	if l.drafts[parent].types&object == 0 {
		return 0, errors.New("expecting a member of an object")
	}
	return l.member(parent, name), nil
}
