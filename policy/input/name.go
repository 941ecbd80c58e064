package input

// validName reports whether s is a variable's name, [a-z][a-z0-9_]*.
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (i == 0 || (c < '0' || c > '9') && c != '_') {
			return false
		}
	}
	return s != ""
}

// names are the distinct names of one object. There are few nearly always, and
// those are found faster by looking at each; many are looked up, so that no
// object costs time quadratic in its members.
type names struct {
	few  [8]string
	size int
	many map[string]struct{}
}

// add reports false when the name is there already.
func (n *names) add(name string) bool {
	if n.many != nil {
		before := len(n.many)
		n.many[name] = struct{}{}
		return len(n.many) > before
	}
	for _, other := range n.few[:n.size] {
		if other == name {
			return false
		}
	}
	if n.size < len(n.few) {
		n.few[n.size] = name
		n.size++
		return true
	}
	n.many = make(map[string]struct{}, 4*len(n.few))
	for _, other := range n.few {
		n.many[other] = struct{}{}
	}
	n.many[name] = struct{}{}
	return true
}
