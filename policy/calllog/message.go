package calllog

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
	"strings"
)

// Message is a request or an answer.
type Message struct {
	// Method and URL are a request's; the URL is at most MaxURL bytes.
	Method, URL string

	// Status is an answer's.
	Status int

	// Head are the headers, as AppendHeader packs them.
	Head []byte

	// Shared are further ones, packed alike, which another message has too.
	Shared []byte

	// Body is as much of the body as is kept, and Size how long all of it was,
	// as far as it passed.
	Body []byte
	Size int64

	// Cut tells that the end of the body is not kept because it is too long. What
	// was redacted may be shorter than Size as well.
	Cut bool

	// Note says why a body is not kept, or is not what was on the wire.
	Note string
}

// AppendHeader packs one field of a header. What would be longer than MaxHead,
// counted from the start of dst[from:], is left out, and more says so.
func AppendHeader(dst []byte, from int, name, value string) (packed []byte, more bool) {
	if len(dst)-from+len(name)+len(value)+2 > MaxHead {
		return dst, true
	}
	dst = append(appendPacked(dst, name), 0)
	return append(appendPacked(dst, value), 0), false
}

// appendPacked appends a text that holds no zero byte: those end texts. HTTP allows
// none, but some third parties send them.
func appendPacked(dst []byte, text string) []byte {
	from := len(dst)
	dst = append(dst, text...)
	for i := from; strings.IndexByte(text, 0) >= 0 && i < len(dst); i++ {
		if dst[i] == 0 {
			dst[i] = '?'
		}
	}
	return dst
}

// Fields gives the fields of a packed header, in the order in which they were
// packed.
func Fields(packed []byte) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for rest := packed; len(rest) > 0; {
			name, after, _ := bytes.Cut(rest, []byte{0})
			value, next, _ := bytes.Cut(after, []byte{0})
			if !yield(string(name), string(value)) {
				return
			}
			rest = next
		}
	}
}

// header is one field.
type header [2]string

// headers unpacks the fields, sorted by name.
func (m *Message) headers() []header {
	fields := []header{}
	for _, packed := range [][]byte{m.Head, m.Shared} {
		for name, value := range Fields(packed) {
			fields = append(fields, header{name, value})
		}
	}
	slices.SortStableFunc(fields, func(a, b header) int { return cmp.Compare(a[0], b[0]) })
	return fields
}

// Cut gives the entry with at most that many bytes of each body. What it holds is
// memory of its own, so that the longer bodies can go.
func (e *Entry) Cut(bodies int) *Entry {
	cut := *e
	cut.Request, cut.Response = *e.Request.cut(bodies), *e.Response.cut(bodies)
	cut.Sent, cut.Received = e.Sent.cut(bodies), e.Received.cut(bodies)
	cut.Vars, cut.Inputs = cloneVars(e.Vars), cloneVars(e.Inputs)
	cut.Hints, cut.Attempts = cloneHints(e.Hints), slices.Clone(e.Attempts)
	cut.Limits = slices.Clone(e.Limits)
	if e.Cell != nil {
		cell := *e.Cell
		cut.Cell = &cell
	}
	return &cut
}

// cloneVars copies variables.
func cloneVars(vars []Var) []Var {
	cloned := slices.Clone(vars)
	for i := range cloned {
		cloned[i].JSON = bytes.Clone(cloned[i].JSON)
	}
	return cloned
}

// cloneHints copies hints.
func cloneHints(hints []Hint) []Hint {
	cloned := slices.Clone(hints)
	for i := range cloned {
		cloned[i].Values = slices.Clone(cloned[i].Values)
	}
	return cloned
}

// cut is the message with a shorter body.
func (m *Message) cut(bodies int) *Message {
	if m == nil {
		return nil
	}
	cut := *m
	cut.Head, cut.Shared = bytes.Clone(m.Head), bytes.Clone(m.Shared)
	if len(m.Body) > max(bodies, 0) {
		cut.Body, cut.Cut = m.Body[:max(bodies, 0)], true
	}
	cut.Body = bytes.Clone(cut.Body)
	return &cut
}
