package extract

import "cmp"

// bytesPerStep is how many bytes of text cost as much as looking at a value.
const bytesPerStep = 8

// decoded is what a filter compares: a scalar as Value.Any gives it, or the
// container itself.
func (t *tree) decoded(node any) any {
	l, ok := node.(leaf)
	if !ok {
		return node
	}
	raw := span(l).of(t.doc)
	t.spend(len(raw) / bytesPerStep)
	return decodeScalar(raw)
}

// equal compares as RFC 9535, section 2.3.5.2.2, says; nothing equals nothing.
func (t *tree) equal(a, b any) bool {
	switch a := a.(type) {
	case *object:
		b, ok := b.(*object)
		return ok && t.equalObjects(a, b)
	case *array:
		b, ok := b.(*array)
		return ok && t.equalArrays(a, b)
	}
	if order, ok := compareNumbers(a, b); ok {
		return order == 0
	}
	switch b.(type) {
	case *object, *array:
		return false
	}
	return a == b
}

func (t *tree) equalArrays(a, b *array) bool {
	if len(a.elements) != len(b.elements) {
		return false
	}
	for i := range a.elements {
		t.spend(1)
		if !t.equal(t.decoded(a.elements[i]), t.decoded(b.elements[i])) {
			return false
		}
	}
	return true
}

func (t *tree) equalObjects(a, b *object) bool {
	if len(a.names) != len(b.names) {
		return false
	}
	for i, name := range a.names {
		t.spend(1)
		j := b.find(name)
		if j < 0 || !t.equal(t.decoded(a.members[i]), t.decoded(b.members[j])) {
			return false
		}
	}
	return true
}

// less holds for two numbers or two strings only. The order of UTF-8 bytes is
// that of the characters.
func (t *tree) less(a, b any) bool {
	if x, ok := a.(string); ok {
		y, ok := b.(string)
		return ok && x < y
	}
	order, ok := compareNumbers(a, b)
	return ok && order < 0
}

// compareNumbers compares two numbers: as whole numbers if both are, otherwise
// as doubles.
func compareNumbers(a, b any) (order int, ok bool) {
	if x, ok := a.(int); ok {
		if y, ok := b.(int); ok {
			return cmp.Compare(x, y), true
		}
	}
	x, isNumber := double(a)
	y, ok := double(b)
	return cmp.Compare(x, y), ok && isNumber
}

func double(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}
