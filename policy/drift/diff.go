package drift

// LineKind says how a place differs between two structures.
type LineKind string

const (
	// Same says that the new types would not be drift. They need not be equal: null
	// stands for anything, and a union may have become narrower.
	Same LineKind = "same"
	// Changed says that the new types would be drift.
	Changed LineKind = "changed"
	// Added says that only the new structure has the place.
	Added LineKind = "added"
	// Removed says that only the old structure has the place.
	Removed LineKind = "removed"
)

// Line is one place of two structures, side by side.
type Line struct {
	Path string   `json:"path"`          // As in Change.
	Old  string   `json:"old,omitempty"` // Types as in Change.Was; empty where Added.
	New  string   `json:"new,omitempty"` // The same; empty where Removed.
	Kind LineKind `json:"kind"`
}

// Diff puts two structures side by side: at most 2*MaxNodes lines, in the order
// of the old one, with what is new where it stands in the new one.
func Diff(old, new *Structure) []Line {
	if len(old.nodes) == 0 && len(new.nodes) == 0 {
		return nil
	}
	d := differ{old: old, new: new}
	d.pair(rootOf(old), rootOf(new))
	return d.lines
}

// rootOf is -1 for a structure without places.
func rootOf(s *Structure) int32 {
	if len(s.nodes) == 0 {
		return -1
	}
	return 0
}

type differ struct {
	old, new *Structure
	lines    []Line
}

// pair adds the lines of a place and of all below it; -1 stands for a side that
// does not have it.
func (d *differ) pair(o, n int32) {
	switch {
	case o < 0:
		d.lines = append(d.lines, Line{Path: d.new.path(n), New: d.new.nodes[n].types.String(), Kind: Added})
	case n < 0:
		d.lines = append(d.lines, Line{Path: d.old.path(o), Old: d.old.nodes[o].types.String(), Kind: Removed})
	default:
		was, is := d.old.nodes[o].types, d.new.nodes[n].types
		line := Line{Path: d.old.path(o), Old: was.String(), New: is.String(), Kind: Changed}
		if was.accepts(is) {
			line.Kind = Same
		}
		d.lines = append(d.lines, line)
	}
	d.children(o, n)
}

func (d *differ) children(o, n int32) {
	if oe, ne := d.old.elementOf(o), d.new.elementOf(n); oe >= 0 || ne >= 0 {
		d.pair(oe, ne)
	}
	fresh, end := int32(0), int32(0) // The rest of the new members.
	if n >= 0 {
		fresh, end = d.new.firstMember(n), d.new.nodes[n].end
	}
	if o >= 0 {
		for om := d.old.firstMember(o); om < d.old.nodes[o].end; om = d.old.nodes[om].end {
			nm := d.new.member(n, d.old.nodes[om].name)
			if nm >= fresh {
				d.added(o, fresh, nm)
				fresh = d.new.nodes[nm].end
			}
			d.pair(om, nm)
		}
	}
	d.added(o, fresh, end)
}

// added adds those of the new members from one to before another that the old
// place does not have.
func (d *differ) added(o, from, to int32) {
	for ; from < to; from = d.new.nodes[from].end {
		if d.old.member(o, d.new.nodes[from].name) < 0 {
			d.pair(-1, from)
		}
	}
}
