package openapi

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
)

// choice is one operation of the document that is taken.
type choice struct {
	path   string
	method string // GET
	id     string // the operationId, or empty
	name   string // in the policy
	tags   []string
	item   *value // the path's object
	value  *value // the operation's
}

// String says which operation it is, as messages call it.
func (o choice) String() string {
	where := o.method + " " + printable(o.path)
	if o.value != nil && o.value.line > 0 {
		where += fmt.Sprintf(" (line %d)", o.value.line)
	}
	return where
}

// methods are those that the format has, and a policy too, in the order of HTTP's
// own list of them.
var methods = []string{"get", "head", "post", "put", "patch", "delete", "options", "trace", "query"}

// operations gives all operations of the document, in its order.
func (d *document) operations() ([]choice, error) {
	paths := d.root.get("paths")
	if paths == nil || paths.kind != isObject || len(paths.fields) == 0 {
		return nil, d.mistake(d.root.line, 0, "the document has no paths: expected operations to call")
	}
	follow := &copier{document: d}
	var all []choice
	for _, f := range paths.fields {
		if strings.HasPrefix(f.name, "x-") {
			continue
		}
		item := follow.target(f.value)
		if item == nil || item.kind != isObject {
			continue
		}
		for _, member := range item.fields {
			if slices.Contains(methods, member.name) && member.value.kind == isObject {
				all = append(all, choice{
					path: f.name, method: strings.ToUpper(member.name), item: item, value: member.value,
					id: member.value.get("operationId").string(), tags: tagsOf(member.value),
				})
			}
		}
	}
	if len(follow.mistakes) > 0 {
		return nil, follow.mistakes
	}
	if len(all) == 0 {
		return nil, d.mistake(paths.line, 0, "the document's paths have no operations: expected such as get or post")
	}
	return all, nil
}

func tagsOf(operation *value) []string {
	var tags []string
	for _, t := range operation.get("tags").list() {
		tags = append(tags, t.string())
	}
	return tags
}

// nameAll gives each operation its name in the policy. It does not depend on which
// of them are chosen.
func nameAll(all []choice) {
	var names draft.Names
	for i := range all {
		text := all[i].id
		if draft.Word(text) == "" {
			text = all[i].method + " " + strings.NewReplacer("{", "by ", "}", "").Replace(all[i].path)
		}
		all[i].name = names.Of(text, "operation")
	}
}

// chosen gives the operations that the options choose, each with the name that it
// has in the policy.
func (d *document) chosen(o *Options) ([]choice, error) {
	all, err := d.operations()
	if err != nil {
		return nil, err
	}
	nameAll(all)
	taken := make([]bool, len(all))
	for _, source := range o.Operations {
		if !choose(all, taken, source) {
			return nil, d.choiceMistake("no operation is called "+quote(source), all)
		}
	}
	var chosen []choice
	for i, one := range all {
		if (taken[i] || len(o.Operations) == 0) && one.tagged(o.Tags) {
			chosen = append(chosen, one)
		}
	}
	if len(chosen) == 0 {
		return nil, d.choiceMistake("no operation has one of the tags "+quote(strings.Join(o.Tags, ", ")), all)
	}
	return d.bounded(chosen, o.MaxOperations), nil
}

// choose marks the operations that a text chooses: those that are called so, else
// those whose names the expression is found in. It tells whether there are any.
func choose(all []choice, taken []bool, source string) bool {
	found := false
	mark := func(is func(name string) bool) {
		for i, o := range all {
			if is(o.id) || is(o.name) || is(o.method+" "+o.path) {
				taken[i], found = true, true
			}
		}
	}
	mark(func(name string) bool { return name != "" && strings.EqualFold(name, source) })
	if pattern, err := regexp.Compile(source); !found && source != "" && err == nil {
		mark(pattern.MatchString)
	}
	return found
}

// tagged tells whether the operation has one of the tags, if there are any.
func (o *choice) tagged(tags []string) bool {
	return len(tags) == 0 || slices.ContainsFunc(tags, func(tag string) bool {
		return slices.ContainsFunc(o.tags, func(own string) bool { return strings.EqualFold(own, tag) })
	})
}

// choiceMistake tells that nothing was chosen, and what there is.
func (d *document) choiceMistake(what string, all []choice) error {
	const told = 5
	var names []string
	for _, o := range all[:min(told, len(all))] {
		names = append(names, o.name)
	}
	return d.mistake(0, 0, "%s: the document has %d operations, such as %s", what, len(all), strings.Join(names, ", "))
}

// bounded leaves out operations beyond the bound.
func (d *document) bounded(taken []choice, most int) []choice {
	if most <= 0 || most > maxOperations {
		most = maxOperations
	}
	if len(taken) > most {
		d.notes.add("%d of %d operations are left out, being more than %d: choose with --operation or --tag", len(taken)-most, len(taken), most)
		taken = taken[:most]
	}
	if len(taken) > manyOperations {
		d.told.add("These are %d operations. The bot will need few of them: --operation and --tag choose.", len(taken))
	}
	return taken
}
