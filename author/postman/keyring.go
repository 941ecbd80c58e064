package postman

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// slot is a place of a request, with the credentials that requests have there.
type slot struct {
	place string
	found []credential // each once
	many  map[string]int
	all   int // requests with any there
}

// best is the credential that most requests have there, the first of those that as
// many have.
func (s *slot) best() credential {
	best := s.found[0]
	for _, one := range s.found {
		if s.many[one.identity()] > s.many[best.identity()] {
			best = one
		}
	}
	return best
}

// maxPlaces bounds the places that credentials are put to.
const maxPlaces = 8

// isUpload tells requests with a body that no policy sends.
func (c *call) isUpload() bool {
	if c.body == nil || c.body.Mode != "formdata" && c.body.Mode != "file" {
		return false
	}
	_, _, err := c.payload(&inputs{}, "")
	return err != nil
}

// keyring chooses the credentials of the policy. They go out with every call of it, so
// that only those are taken for whose place most requests have one; of each place the
// one that most of them have.
func (d *drafting) keyring(calls []*call) {
	calls = slices.DeleteFunc(slices.Clone(calls), (*call).isUpload)
	var slots []*slot
	byPlace := make(map[string]*slot)
	for _, c := range calls {
		c.sends = make(map[string]string)
		for _, one := range c.credentials(&d.warnings) {
			s := byPlace[one.place()]
			if s == nil {
				s = &slot{place: one.place(), many: make(map[string]int)}
				byPlace[s.place] = s
				slots = append(slots, s)
			}
			s.all++
			c.sends[s.place] = one.identity()
			if s.many[one.identity()]++; s.many[one.identity()] == 1 {
				s.found = append(s.found, one)
			}
		}
	}
	slots = slices.DeleteFunc(slots, func(s *slot) bool { return 2*s.all <= len(calls) })
	d.injected = make(map[string]string)
	for i, s := range slots {
		if i == maxPlaces {
			d.warnings.add("credentials in %s", count(len(slots)-i, "further place"))
			return
		}
		one := s.best()
		identity := one.identity() // Before the secrets have their names.
		if d.inject(one) {
			d.injected[s.place] = identity
			continue
		}
		for _, c := range calls { // Told already.
			delete(c.sends, s.place)
		}
	}
}

// maxStrangers bounds the operations that one warning names.
const maxStrangers = 5

// warnOfStrangers tells which operations are called with other credentials than the
// collection sends with their requests.
func (d *drafting) warnOfStrangers(all []*operation) {
	const policys = "called with the credentials of the policy, but the collection sends "
	named := make(map[string][]string)
	for _, o := range all {
		if maps.Equal(o.call.sends, d.injected) {
			continue
		}
		var others []string
		for place, identity := range o.call.sends {
			if d.injected[place] != identity {
				others = append(others, shown(place))
			}
		}
		slices.Sort(others)
		what := policys + "none"
		switch places := strings.Join(others, ", "); {
		case len(d.injected) == 0:
			what = "called without credentials, but the collection sends some (" + places + "): a policy injects what most requests send"
		case len(others) > 0:
			what = policys + "others (" + places + ")"
		case len(o.call.sends) > 0:
			what = policys + "only some of them"
		}
		named[what] = append(named[what], o.spec.Name)
	}
	for _, what := range slices.Sorted(maps.Keys(named)) {
		d.warnings.add("%s %s", are(named[what]), what)
	}
}

// are says that operations are something, of which it names a few.
func are(names []string) string {
	switch last := len(names) - 1; {
	case last == 0:
		return names[0] + " is"
	case len(names) > maxStrangers:
		return strings.Join(names[:maxStrangers], ", ") + fmt.Sprintf(" and %d more are", len(names)-maxStrangers)
	default:
		return strings.Join(names[:last], ", ") + " and " + names[last] + " are"
	}
}
