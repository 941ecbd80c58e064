package drift

import "slices"

// MaxReads is how many reads of a watch are judged; it is not missed when what
// the others read is gone.
const MaxReads = 1024

// wordSize is how many paths are followed in one pass.
const wordSize = 64

// Watch compares documents with a structure, on behalf of the variables that
// are read. It is immutable and safe for concurrent use.
type Watch struct {
	structure *Structure
	reads     []Read
	passes    []pass
}

// pass is what one walk over a document follows: up to 64 paths. A set of
// paths is a word with a bit for each, and what the paths do at a depth (how
// far from the root) is a set for each depth, up to that of the longest path.
type pass struct {
	paths []path

	// By node: who steps into it, if it is a member, whose next member it has,
	// and whose next member was in all of its objects.
	at, has, always []uint64

	// By depth.
	goesOn                         []uint64 // Has a step at that depth.
	member, index, negative, every []uint64 // Its kind.
}

// path is what one or several variables read, where the structure has it.
type path struct {
	steps []Step
	reads []int // Who reads it: indexes into Watch.reads. None for a twin only.

	// twin is the path with every element in place of a certain one, or -1. It
	// is asked where the structure cannot say whether the certain one was there.
	twin int
}

// Watch compiles a structure and what is read from its documents. The reads
// are copied; each Var should have one. Only the first MaxReads count.
func (s *Structure) Watch(reads []Read) *Watch {
	w := &Watch{structure: s, reads: slices.Clone(reads[:min(len(reads), MaxReads)])}
	w.passes = append(w.passes, pass{})
	for i, r := range w.reads {
		r.Steps = slices.Clone(r.Steps)
		w.reads[i] = r
		if !r.Optional && len(r.Steps) > 0 && len(r.Steps) <= MaxDepth && len(s.resolve(0, r.Steps)) > 0 {
			w.follow(i)
		}
	}
	for i := range w.passes {
		w.passes[i].compile(s)
	}
	return w
}

// follow adds a read to the last pass, or begins a new one.
func (w *Watch) follow(read int) {
	p := &w.passes[len(w.passes)-1]
	if len(p.paths)+2 > wordSize {
		w.passes = append(w.passes, pass{})
		p = &w.passes[len(w.passes)-1]
	}
	steps := w.reads[read].Steps
	i := p.add(steps)
	p.paths[i].reads = append(p.paths[i].reads, read)
	if hasIndex(steps) {
		twin := p.add(generalized(steps))
		p.paths[i].twin = twin
	}
}

// add gives the number of the path with these steps.
func (p *pass) add(steps []Step) int {
	for i := range p.paths {
		if slices.Equal(p.paths[i].steps, steps) {
			return i
		}
	}
	p.paths = append(p.paths, path{steps: steps, twin: -1})
	return len(p.paths) - 1
}

// compile makes the sets.
func (p *pass) compile(s *Structure) {
	depths := 1
	for _, path := range p.paths {
		depths = max(depths, len(path.steps)+1)
	}
	sets := make([]uint64, 5*depths)
	for i, set := range []*[]uint64{&p.goesOn, &p.member, &p.index, &p.negative, &p.every} {
		*set = sets[i*depths : (i+1)*depths : (i+1)*depths]
	}
	for i, path := range p.paths {
		bit := uint64(1) << i
		for depth, step := range path.steps {
			p.goesOn[depth] |= bit
			switch {
			case step.Kind == Member:
				p.member[depth] |= bit
			case step.Kind == Every:
				p.every[depth] |= bit
			case step.Index < 0:
				p.negative[depth] |= bit
				fallthrough
			default:
				p.index[depth] |= bit
			}
		}
	}
	p.compileMembers(s)
}

// compileMembers looks once for all which paths step into which members, so
// that the walk compares no names but those of the structure, and what a
// hostile document costs does not grow with the number of paths.
func (p *pass) compileMembers(s *Structure) {
	sets := make([]uint64, 3*len(s.nodes))
	for i, set := range []*[]uint64{&p.at, &p.has, &p.always} {
		*set = sets[i*len(s.nodes) : (i+1)*len(s.nodes) : (i+1)*len(s.nodes)]
	}
	depths := make([]int, len(s.nodes))
	for n := 1; n < len(s.nodes); n++ {
		parent := s.nodes[n].parent
		depth := depths[parent]
		depths[n] = depth + 1
		if s.nodes[n].element || depth >= len(p.goesOn) {
			continue
		}
		named := p.named(p.member[depth], depth, []byte(s.nodes[n].name))
		p.at[n] = p.every[depth] | named
		p.has[parent] |= named
		if s.nodes[n].types&missing == 0 {
			p.always[parent] |= named
		}
	}
}
