package hint

import (
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// Truth is a set of what a condition, or a part of one, can come to.
type Truth uint8

// What a condition can come to.
const (
	True Truth = 1 << iota
	False
	// Broken is a condition that cannot be evaluated, which does not hold.
	Broken

	unknown = True | False | Broken
)

// Part is a condition taken apart at its logical operators, so that it can be said
// what it may come to where only some of what it reads is known. It is immutable
// and safe for concurrent use.
type Part struct {
	kind     partKind
	of       []*Part
	leaf     *Condition // nil: nothing is known of it
	text     string     // of a leaf
	compared *comparison
}

// partKind is what joins the parts of a Part.
type partKind uint8

const (
	leafPart partKind = iota
	notPart
	andPart
	orPart
	choicePart // the first, then one of the other two
)

// Parts takes the condition apart. The scope must be that of Compile, or a wider
// one.
func (c *Condition) Parts(s Scope) *Part {
	tree, err := parser.Parse(c.source)
	if err != nil {
		return &Part{leaf: c, text: c.source}
	}
	return takeApart(tree.Node, s)
}

func takeApart(node ast.Node, s Scope) *Part {
	join := func(kind partKind, nodes ...ast.Node) *Part {
		p := &Part{kind: kind}
		for _, n := range nodes {
			p.of = append(p.of, takeApart(n, s))
		}
		return p
	}
	switch n := node.(type) {
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return join(notPart, n.Node)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return join(andPart, n.Left, n.Right)
		case "or", "||":
			return join(orPart, n.Left, n.Right)
		}
	case *ast.ConditionalNode:
		return join(choicePart, n.Cond, n.Exp1, n.Exp2)
	}
	p := &Part{text: node.String()}
	leaf, err := Compile(p.text, s)
	if err != nil {
		return p // Such as one that is neither true nor false before it is asked.
	}
	p.leaf = leaf
	p.compared = compare(node, leaf)
	return p
}

// truth is what the part can come to, by what its leaves can.
func (p *Part) truth(leaf func(*Part) Truth) Truth {
	if p.kind == leafPart {
		return leaf(p)
	}
	first := p.of[0].truth(leaf)
	t := first & Broken
	switch p.kind {
	case notPart:
		if first&True != 0 {
			t |= False
		}
		if first&False != 0 {
			t |= True
		}
	case andPart:
		t |= first & False
		if first&True != 0 {
			t |= p.of[1].truth(leaf)
		}
	case orPart:
		t |= first & True
		if first&False != 0 {
			t |= p.of[1].truth(leaf)
		}
	case choicePart:
		if first&True != 0 {
			t |= p.of[1].truth(leaf)
		}
		if first&False != 0 {
			t |= p.of[2].truth(leaf)
		}
	}
	return t
}

// leaves calls do for each leaf until it says false.
func (p *Part) leaves(do func(*Part) bool) bool {
	if p.kind == leafPart {
		return do(p)
	}
	for _, sub := range p.of {
		if !sub.leaves(do) {
			return false
		}
	}
	return true
}
