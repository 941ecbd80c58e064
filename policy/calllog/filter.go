package calllog

import (
	"cmp"
	"slices"
)

// Filter says which calls are meant. A nil field asks for nothing.
type Filter struct {
	Policy, Operation, Outcome, Route, Tenant, TraceID *string
	Failed                                             *bool
}

// matches tells whether the entry is meant.
func (f *Filter) matches(e *Entry) bool {
	return is(f.Policy, e.Policy) && is(f.Operation, e.Operation) && is(f.Outcome, e.Outcome) && is(f.Route, e.Route) &&
		is(f.Tenant, e.Tenant) && is(f.TraceID, e.TraceID) && is(f.Failed, e.Failed)
}

// is tells whether a value is the one that is asked for, if one is.
func is[T comparable](asked *T, value T) bool { return asked == nil || *asked == value }

// Find gives the calls that are meant, the newest first, at most limit of them.
// With before, an id, only those older than that call; where that is kept no
// more, known is false. more tells that there are others behind.
func (l *Logs) Find(f Filter, before string, limit int) (found []*Entry, more, known bool) {
	known = true
	var last *Entry
	if before != "" {
		if last = l.ByID(before); last == nil {
			return nil, false, false
		}
	}
	for _, log := range l.all(f.Policy) {
		for _, e := range log.entries() {
			if f.matches(e) && (last == nil || newestFirst(last, e) < 0) {
				found = append(found, e)
			}
		}
	}
	slices.SortFunc(found, newestFirst)
	if limit = max(limit, 0); len(found) > limit {
		return found[:limit], true, known
	}
	return found, false, known
}

// newestFirst orders by time of arrival; of two at the same time by id.
func newestFirst(a, b *Entry) int {
	return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID))
}

// ByID gives the call of that id, or the newest of the trace of that id; nil
// where none is kept.
func (l *Logs) ByID(id string) *Entry {
	var found *Entry
	for _, log := range l.all(nil) {
		for _, e := range log.entries() {
			if (e.ID == id || e.TraceID == id) && (found == nil || newestFirst(e, found) < 0) {
				found = e
			}
		}
	}
	return found
}
