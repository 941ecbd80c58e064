package drift

import (
	"encoding/json"
	"errors"
)

// ErrNotJSON means that a document that should be learned is not one JSON text
// (RFC 8259).
var ErrNotJSON = errors.New("not JSON")

// Learn gives the structure of a document: its places, and their types. What
// is over the bounds of a structure is left out, see Truncated. It keeps
// nothing of doc but the names of members. The error is ErrNotJSON. The cost is
// a few passes over the document.
func Learn(doc []byte) (*Structure, error) {
	if !json.Valid(doc) {
		return nil, ErrNotJSON
	}
	l := learner{scanner: scanner{doc: doc}, builder: newBuilder()}
	l.space()
	l.value(0, 0)
	return l.finish(), nil
}

// learner walks a document and adds what it finds to a builder.
type learner struct {
	scanner
	builder
	buf []byte
}

// value reads the value at a place; n is -1 when it is left out.
func (l *learner) value(n int32, depth int) {
	if n < 0 {
		l.skip()
		return
	}
	kind := kindOf[l.peek()]
	l.drafts[n].types |= kind
	switch {
	case depth >= MaxDepth && kind&(object|array) != 0:
		start := l.pos
		l.skip()
		l.truncated = l.truncated || holdsAny(l.doc[start:l.pos])
	case kind == object:
		l.object(n, depth)
	case kind == array:
		for l.enter(); l.more(']'); l.next() {
			l.value(l.element(n), depth+1)
		}
	default:
		l.skip()
	}
}

func (l *learner) object(n int32, depth int) {
	l.drafts[n].objects++
	instance := l.drafts[n].objects
	for l.enter(); l.more('}'); l.next() {
		raw, plain := l.name()
		if !plain {
			// A name that is too long is not needed in full to see that.
			l.buf = canonical(l.buf[:0], raw[:min(len(raw), 2*maxRawName)])
			raw = l.buf
		}
		m := l.member(n, raw)
		if m >= 0 && l.drafts[m].instance != instance {
			l.drafts[m].instance = instance
			l.drafts[m].seen++
		}
		l.value(m, depth+1)
	}
}

// holdsAny tells whether the array or object in raw has anything in it.
func holdsAny(raw []byte) bool {
	s := scanner{doc: raw}
	s.enter()
	return s.peek() != ']' && s.peek() != '}'
}
