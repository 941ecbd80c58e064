package hint

import (
	"cmp"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// readings lists the places, each name once, in the order of the text.
func (r *rewriter) readings() []reading {
	slices.SortStableFunc(r.order, func(a, b *place) int { return cmp.Compare(a.offset, b.offset) })
	var all []reading
	seen := make(map[string]bool)
	for _, p := range r.order {
		if !seen[p.name] {
			seen[p.name] = true
			all = append(all, reading{name: p.name, read: p.read, steps: p.steps})
		}
	}
	return all
}

// numbering runs when all places are known: it numbers the reads, one for all
// places that read the same.
type numbering struct{ *rewriter }

// Visit numbers the read of one node, if it is one.
func (v *numbering) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.IdentifierNode); ok {
		if _, left := v.calls[n]; left {
			v.fail(n, `%s is called with a literal path: %[1]s("$.order")`, n.Value)
		}
		return
	}
	call, ok := (*node).(*ast.CallNode)
	if !ok {
		return
	}
	i := slices.IndexFunc(v.order, func(p *place) bool {
		return len(call.Arguments) == 1 && call.Arguments[0] == ast.Node(p.number)
	})
	if i < 0 {
		return
	}
	p := v.order[i]
	if p.source == srcRequest {
		if v.err != nil {
			return // It is whole because its member was refused.
		}
		v.fail(call, "request is not read as a whole: name headers, method, path or query")
		return
	}
	want := newRead(p.source, p.key)
	p.read = slices.Index(v.reads, want)
	if p.read < 0 {
		p.read = len(v.reads)
		v.reads = append(v.reads, want)
	}
	p.number.Value = p.read
}
