package postman

import (
	"errors"
	"fmt"
	"slices"
)

// flattener takes the requests out of their folders.
type flattener struct {
	calls   []*call
	scripts int // that were met, and are never run
	broken  int // items that are neither a folder nor a request
}

// errTooMany says what to do with a collection of everything.
var errTooMany = fmt.Errorf("the collection has more than %d requests: export a folder of it", MaxRequests)

// errTooDeep is what no person sorts requests into.
var errTooDeep = fmt.Errorf("folders nest deeper than %d levels: this is no collection that Postman writes", maxFolders)

// errNoRequests is a collection of nothing.
var errNoRequests = errors.New("the collection has no requests")

// flatten gives all requests in their order.
func flatten(c *collection, variables map[string]string) (*flattener, error) {
	f := &flattener{}
	outer := newScope(variables)
	outer.set(c.Variable)
	var from *auth
	if c.Auth != nil && c.Auth.Kind != "" {
		from = c.Auth
	}
	f.count(c.Event)
	if err := f.folder(c.Item, nil, outer, from); err != nil {
		return nil, err
	}
	if len(f.calls) == 0 {
		return nil, errNoRequests
	}
	return f, nil
}

// folder takes the requests of a folder, and of those in it.
func (f *flattener) folder(items []item, path []string, names *scope, from *auth) error {
	if len(path) > maxFolders {
		return errTooDeep
	}
	for i := range items {
		it := &items[i]
		it.bound()
		f.count(it.Event)
		inner, used := names.with(it.Variable), from
		if it.Auth != nil && it.Auth.Kind != "" {
			used = it.Auth
		}
		switch {
		case it.Item != nil:
			if err := f.folder(*it.Item, append(slices.Clip(path), string(it.Name)), inner, used); err != nil {
				return err
			}
		case it.Request == nil:
			f.broken++
		case len(f.calls) == MaxRequests:
			return errTooMany
		default:
			f.calls = append(f.calls, newCall(it, path, inner, used))
		}
	}
	return nil
}

// count counts scripts in which something stands.
func (f *flattener) count(events []event) {
	for _, e := range events {
		if !e.Disabled && slices.ContainsFunc(e.Script.Exec, func(line string) bool { return line != "" }) {
			f.scripts++
		}
	}
}
