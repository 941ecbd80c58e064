package postman

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// drafting is a policy that is being made.
type drafting struct {
	draft    *draft.Draft
	warnings warnings
	parts    parts
	injected map[string]string // the credentials of the policy, by their places
}

// Import makes a policy of a Postman collection, v2.1 or v2.0. Nothing that stands in
// it is run, and no credential of it is in the result: of those with 8 bytes and more
// no copy either, wherever in the collection it stood, and of those with 4 and more none
// in names and descriptions. The result passes policy.Check.
// The error says what to do where nothing can be made of the document; of broken JSON
// it is a policy.Mistake with the line. data is not changed.
func Import(data []byte, options Options) (*draft.Draft, error) {
	file := cmp.Or(options.File, "collection")
	return guarded(file, func() (*draft.Draft, error) { return importing(data, file, options) })
}

// guarded imports, and makes an error of a fault of the program: a collection is a
// stranger's, and what nobody foresaw in it ends its import, and neither the program
// nor what else runs in it. The fault may hold a text of the collection, which is not
// told.
func guarded(file string, make func() (*draft.Draft, error)) (d *draft.Draft, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			d, err = nil, fmt.Errorf("reading %s: it cannot be read: %T", file, broken)
		}
	}()
	return make()
}

// importing is Import.
func importing(data []byte, file string, options Options) (*draft.Draft, error) {
	c, err := read(data, file)
	if err != nil {
		return nil, err
	}
	if _, err := flatten(c, nil); err != nil { // Folders are measured before anybody goes down into them.
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if err := knowVariables(c, options.Variables); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if err := cleanse(c, options.Variables); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	f, err := flatten(c, options.Variables)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	d := &drafting{draft: &draft.Draft{}, parts: make(parts)}
	calls, base, err := d.place(f.calls, options)
	if err != nil {
		return nil, fmt.Errorf("importing %s: %w", file, err)
	}
	d.begin(c, base, options)
	if err := d.fill(calls, file); err != nil {
		return nil, err
	}
	d.end(f)
	d.draft.CompleteTests()
	return d.draft, nil
}

// read decodes a collection.
func read(data []byte, file string) (*collection, error) {
	data = bytes.TrimPrefix(data, byteOrderMark)
	if err := measure(data); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	c := &collection{}
	if err := lenient(json.Unmarshal(data, c)); err != nil {
		return nil, placed(file, data, err)
	}
	if c.Collection != nil {
		c = c.Collection
	}
	if err := c.known(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return c, nil
}

// known tells other documents from a collection, and what to do with them.
func (c *collection) known() error {
	schema := c.Info.Schema
	switch {
	case c.OpenAPI != nil || c.Swagger != nil:
		return errors.New("this is an OpenAPI document: use `caddy signpost import openapi`")
	case c.Values != nil && len(c.Item) == 0:
		return errors.New("this is a Postman environment: export the collection, as Collection v2.1")
	case c.Requests != nil && len(c.Item) == 0, strings.Contains(schema, "/v1."):
		return errors.New("this is a Postman collection of version 1: export it again, as Collection v2.1")
	case schema != "" && !strings.Contains(schema, "/v2.0") && !strings.Contains(schema, "/v2.1"):
		return fmt.Errorf("the schema %s is not known: export the collection as Collection v2.1", quote(schema))
	case c.Item == nil:
		return errors.New("this is no Postman collection, as it has no items: export one as Collection v2.1")
	}
	return nil
}

// place finds out where the requests go, and keeps those to the most common host.
func (d *drafting) place(calls []*call, options Options) ([]*call, string, error) {
	var first error
	placed := make([]*call, 0, len(calls))
	for _, c := range calls {
		err := c.refused
		if err == nil {
			err = c.locate(options.Server)
		}
		if err != nil {
			d.warnings.add("%s: %v", c.label(), err)
			if first == nil {
				first = err
			}
			continue
		}
		placed = append(placed, c)
	}
	if len(placed) == 0 {
		return nil, "", fmt.Errorf("no request can be sent from here (%w): expected an address, the value of its variable, or the base URL as server", first)
	}
	base, kept := choose(placed, &d.warnings)
	address, err := baseURL(base, kept)
	return kept, address, err
}

// begin writes what is known of the policy before its operations.
func (d *drafting) begin(c *collection, base string, options Options) {
	p := &d.draft.Policy
	title := titled(string(c.Info.Name))
	p.BaseURL, p.Title = base, title
	p.Name = options.Name
	if p.Name == "" {
		p.Name = draft.PolicyName(title)
	}
	if p.Name == "api" {
		p.Name = draft.HostPolicyName(strings.TrimPrefix(strings.TrimPrefix(base, "https://"), "http://"))
	}
	p.OperationsOnly = true
	p.Timeout = policy.Duration(policy.DefaultTimeout)
	p.Fallbacks = []policy.Fallback{{Route: handoff}}
	d.draft.Notes = append(d.draft.Notes, "Made of the Postman collection "+quote(string(c.Info.Name))+".")
	if about := firstSentence(string(c.Info.Description)); about != "" {
		d.draft.Notes = append(d.draft.Notes, about)
	}
	d.draft.Notes = append(d.draft.Notes, "A guess: where the third party fails, the conversation goes on at "+handoff+".")
	if u, err := url.Parse(base); err == nil && isLocal(u.Hostname()) && net.ParseIP(u.Hostname()) == nil {
		p.AllowPrivate = true
		d.draft.Notes = append(d.draft.Notes, "The host is of a private network, which `allow_private` lets calls reach.")
	}
}

// handoff is the route where the third party fails.
const handoff = "handoff"

// isLocal tells hosts of this machine or of a private network, by their names, and
// addresses. Of these the dial guard refuses the names but for allow_private.
func isLocal(host string) bool {
	return !strings.Contains(host, ".") || net.ParseIP(host) != nil ||
		slices.ContainsFunc([]string{".local", ".localhost", ".internal"}, func(end string) bool { return strings.HasSuffix(host, end) })
}

// fill makes the operations.
func (d *drafting) fill(calls []*call, file string) error {
	if err := complaint(d.draft.Policy); err != nil {
		return fmt.Errorf("importing %s: making the policy %s of %s: %w", file, d.draft.Policy.Name, d.draft.Policy.BaseURL, err)
	}
	d.keyring(calls)
	var all []*operation
	for _, c := range calls {
		o, err := d.operation(c)
		if err == nil {
			err = complaint(d.alone(o))
		}
		if err != nil {
			d.warnings.add("%s: %v", c.label(), err)
			continue
		}
		all = append(all, o)
	}
	for i, name := range operationNames(all) {
		all[i].spec.Name = name
	}
	all = d.settle(all)
	if len(all) == 0 {
		told := d.warnings.list()
		return fmt.Errorf("importing %s: nothing of it can be an operation: %s", file, strings.Join(told[:min(len(told), 5)], "; "))
	}
	for _, o := range all {
		d.draft.Policy.Operations = append(d.draft.Policy.Operations, o.spec)
		for _, note := range o.notes {
			d.draft.Note(o.spec.Name, note)
		}
	}
	d.warnOfStrangers(all)
	d.tests(all)
	return nil
}

// maxNamed is how long folder and request may be together, in bytes, for both to be in
// the name of an operation.
const maxNamed = 40

// operationNames names operations by their requests, and by their folders too where
// two requests are called the same.
func operationNames(all []*operation) []string {
	many := make(map[string]int, len(all))
	for _, o := range all {
		many[draft.Word(o.call.name)]++
	}
	var names draft.Names
	named := make([]string, len(all))
	for i, o := range all {
		text := o.call.name
		if folders := o.call.folders; many[draft.Word(text)] > 1 && len(folders) > 0 {
			if whole := folders[len(folders)-1] + " " + text; len(whole) < maxNamed {
				text = whole
			}
		}
		named[i] = names.Of(shown(text), "operation")
	}
	return named
}

// end tells what was left out.
func (d *drafting) end(f *flattener) {
	if f.scripts > 0 {
		d.warnings.add("%s: nothing of a collection is run; write what they check as policy tests", count(f.scripts, "script"))
	}
	if f.broken > 0 {
		d.warnings.add("%s without a request", count(f.broken, "item"))
	}
	d.draft.Warnings = slices.Clip(d.warnings.list())
}
