package template

import (
	"fmt"
	"slices"
	"strings"
)

const (
	maxPath     = 2 << 10 // Bytes of a path template.
	maxSegments = 64      // Segments of a path template; deeper paths match none.
)

// Path is the path template of an operation, as in "/orders/{{order_number}}".
// It does not change and is safe for concurrent use.
type Path struct {
	source   string
	segments []segment
	names    []string
	route    string
}

// segment is what stands between two slashes of a path template.
type segment struct {
	text     string // A variable's name, or a literal percent-decoded.
	variable bool
}

// ParsePath reads a path template of at most 2 KiB and 64 segments. It begins
// with a slash; each {{name}} is a whole segment, names are [a-z][a-z0-9_]* and
// occur once. Literal segments stand for every spelling of themselves: "/caf%C3%A9",
// "/café" and "/caf%c3%a9" are the same template. An empty segment, as after a
// last slash, is a literal. What CheckEscapedPath refuses is refused here. The
// error is an *Error.
func ParsePath(s string) (*Path, error) {
	if len(s) > maxPath {
		return nil, &Error{maxPath, fmt.Sprintf("a path has at most %d bytes", maxPath)}
	}
	if !strings.HasPrefix(s, "/") {
		return nil, &Error{0, "expected a path that begins with a slash"}
	}
	p := &Path{source: s}
	for offset := 1; offset <= len(s); {
		text, _, _ := strings.Cut(s[offset:], "/")
		if len(p.segments) == maxSegments {
			return nil, &Error{offset, fmt.Sprintf("a path has at most %d segments", maxSegments)}
		}
		if err := p.add(text, offset); err != nil {
			return nil, err
		}
		offset += len(text) + 1
	}
	return p, nil
}

// add appends the segment that stands at offset to p.
func (p *Path) add(text string, offset int) *Error {
	if !strings.ContainsAny(text, "{}") {
		if err := checkEscaped(text); err != nil {
			err.Offset += offset
			return err
		}
		decoded, _ := appendDecoded(nil, text)
		p.segments = append(p.segments, segment{text: string(decoded)})
		p.route += "/" + string(appendSegment(nil, string(decoded)))
		return nil
	}
	name := strings.TrimSuffix(strings.TrimPrefix(text, "{{"), "}}")
	switch {
	case len(name) != len(text)-4 || strings.ContainsAny(name, "{}"):
		return &Error{offset, "expected a segment without braces, or {{name}} for a whole segment"}
	case !validName(name):
		return &Error{offset + 2, "expected a name of the form [a-z][a-z0-9_]*"}
	case slices.Contains(p.names, name):
		return &Error{offset + 2, "the variable " + name + " occurs twice"}
	}
	p.names = append(p.names, name)
	p.segments = append(p.segments, segment{text: name, variable: true})
	p.route += "/{" + name + "}"
	return nil
}

// Names gives the variables' names in the order in which they stand. The
// caller may keep and change the slice.
func (p *Path) Names() []string { return slices.Clone(p.names) }

// Route gives the template in the form that OpenTelemetry's http.route and
// url.template have, /orders/{order_number}, its literals percent-encoded in
// one canonical way.
func (p *Path) Route() string { return p.route }

// String gives the template as it was written.
func (p *Path) String() string { return p.source }
