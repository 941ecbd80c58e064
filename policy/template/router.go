package template

import (
	"fmt"
	"strings"
)

// maxVisits bounds the nodes of the tree that matching one path can visit,
// whatever the path. A set of templates of which at most one can match any
// path needs one visit a segment; each alternative that has to be tried and
// given up adds its own.
const maxVisits = 1024

// Router finds, for a method and a path, the operation whose template is the
// most specific that matches. It is safe for concurrent use once the last Add
// has returned.
type Router struct {
	roots map[string]*node // By method.
}

// node stands for the beginning that some templates share.
type node struct {
	literals map[string]*node // By decoded segment.
	variable *node
	end      *ending // Of the template that ends here, or nil.

	heaviest int // The largest weight among literals.
	weight   int // No path visits more nodes from here on, this one included.
}

type ending struct {
	id   int
	path *Path
}

// NewRouter gives a Router that matches nothing yet.
func NewRouter() *Router {
	return &Router{roots: make(map[string]*node)}
}

// Add registers a template under a method, which is compared as it is written
// (RFC 9110, section 9.1: methods are case-sensitive). An error names both
// templates when p and an earlier one match the same paths, and says so when
// the templates overlap so much that a path could make Match visit more than
// 1024 nodes. After an error the router is as it was before.
//
// Add is not safe for concurrent use with Add or Match.
func (r *Router) Add(method string, p *Path, id int) error {
	root := r.roots[method]
	if end := root.find(p.segments); end != nil {
		return fmt.Errorf("adding %s %s: it matches the same paths as %s %s", method, p, method, end.path)
	}
	if root.weightWith(p.segments) > maxVisits {
		return fmt.Errorf("adding %s %s: so many templates overlap that finding the most specific could take more than %d comparisons",
			method, p, maxVisits)
	}
	if root == nil {
		root = &node{weight: 1}
		r.roots[method] = root
	}
	root.insert(p.segments, &ending{id, p})
	return nil
}

// Has tells whether a template that matches the same paths as p is registered
// under the method. It is not safe for concurrent use with Add.
func (r *Router) Has(method string, p *Path) bool { return r.roots[method].find(p.segments) != nil }

// Match finds the operation of a path as it stands on the wire
// (url.URL.EscapedPath), appends the captured segments, percent-decoded and in
// the order of Names, to dst, and returns the id given to Add. A literal
// segment is preferred to a variable, from the left. A variable takes one whole
// segment, "%2F" included, and never an empty one. Without a match, or when a
// captured segment's encoding is broken, ok is false and values is dst.
//
// Match takes time linear in the path, whatever the number of templates, and
// does not allocate when dst has room and nothing is percent-encoded. It judges
// no dots: call CheckEscapedPath first.
func (r *Router) Match(method, escapedPath string, dst []string) (id int, values []string, ok bool) {
	root := r.roots[method]
	if root == nil || !strings.HasPrefix(escapedPath, "/") {
		return 0, dst, false
	}
	end, values := root.match(escapedPath[1:], dst)
	if end == nil {
		return 0, dst, false
	}
	for i := len(dst); i < len(values); i++ {
		if strings.IndexByte(values[i], '%') < 0 {
			continue
		}
		decoded, ok := appendDecoded(nil, values[i])
		if !ok {
			return 0, dst, false
		}
		values[i] = string(decoded)
	}
	return end.id, values, true
}

// match finds the most specific ending for rest, which follows a slash, and
// appends what the variables on the way took.
func (n *node) match(rest string, values []string) (*ending, []string) {
	text, tail, more := strings.Cut(rest, "/")
	if next := n.literal(text); next != nil {
		if end, values := next.follow(tail, more, values); end != nil {
			return end, values
		}
	}
	if n.variable != nil && text != "" {
		return n.variable.follow(tail, more, append(values, text))
	}
	return nil, values
}

// follow goes on at n with what comes after the segment that led there.
func (n *node) follow(tail string, more bool, values []string) (*ending, []string) {
	if !more {
		return n.end, values
	}
	return n.match(tail, values)
}

// literal finds the child of n for a segment as it stands on the wire.
func (n *node) literal(text string) *node {
	if len(n.literals) == 0 {
		return nil
	}
	if strings.IndexByte(text, '%') < 0 {
		return n.literals[text]
	}
	var buf [128]byte // Keeps the usual encoded segment off the heap.
	decoded, ok := appendDecoded(buf[:0], text)
	if !ok {
		return nil
	}
	return n.literals[string(decoded)]
}

// find gives the ending of the template with exactly these segments, the
// variables' names apart. n may be nil.
func (n *node) find(segments []segment) *ending {
	for _, s := range segments {
		n = n.child(s)
	}
	if n == nil {
		return nil
	}
	return n.end
}

// child gives the node that follows n for s, or nil. n may be nil.
func (n *node) child(s segment) *node {
	switch {
	case n == nil:
		return nil
	case s.variable:
		return n.variable
	}
	return n.literals[s.text]
}

// weightWith gives the weight that n would have with one more template below
// it. n may be nil.
func (n *node) weightWith(segments []segment) int {
	var now node
	if n != nil {
		now = *n
	}
	if len(segments) == 0 {
		return max(now.weight, 1)
	}
	below := now.child(segments[0]).weightWith(segments[1:])
	if segments[0].variable {
		return 1 + now.heaviest + below
	}
	if now.variable != nil {
		return 1 + max(now.heaviest, below) + now.variable.weight
	}
	return 1 + max(now.heaviest, below)
}

// insert adds the nodes for segments below n and brings the weights on the way
// up to date.
func (n *node) insert(segments []segment, end *ending) {
	if len(segments) == 0 {
		n.end = end
		return
	}
	s := segments[0]
	next := n.child(s)
	if next == nil {
		next = &node{weight: 1}
		if s.variable {
			n.variable = next
		} else {
			if n.literals == nil {
				n.literals = make(map[string]*node)
			}
			n.literals[s.text] = next
		}
	}
	next.insert(segments[1:], end)
	if !s.variable {
		n.heaviest = max(n.heaviest, next.weight)
	}
	n.weight = 1 + n.heaviest
	if n.variable != nil {
		n.weight += n.variable.weight
	}
}
