package postman

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestOnlyWhatMostRequestsSendIsInjected(t *testing.T) {
	const (
		bearer = `,"auth":{"type":"bearer","bearer":[{"key":"token","value":"{{a}}"}]}`
		other  = `,"auth":{"type":"bearer","bearer":[{"key":"token","value":"{{b}}"}]}`
		key    = `,"auth":{"type":"apikey","apikey":[{"key":"key","value":"X-Key"},{"key":"value","value":"{{k}}"}]}`
		also   = bearer + `,"header":[{"key":"X-Key","value":"{{k}}"}]`
		none   = `,"auth":{"type":"noauth"}`
	)
	for _, c := range []struct {
		name  string
		each  []string
		want  []string // what is injected
		warns []string
	}{
		{"all the same", []string{bearer, bearer, bearer}, []string{"bearer"}, nil},
		{"one sends none", []string{bearer, bearer, none}, []string{"bearer"}, []string{"c is called with the credentials of the policy, but the collection sends none"}},
		{"half of them", []string{bearer, none}, nil, []string{"a is called without credentials, but the collection sends some (header Authorization): a policy injects what most requests send"}},
		{"some send another", []string{bearer, bearer, bearer, other, other}, []string{"bearer"}, []string{"d and e are called with the credentials of the policy, but the collection sends others (header Authorization)"}},
		{"a folder has a key", []string{bearer, bearer, key}, []string{"bearer"}, []string{"c is called with the credentials of the policy, but the collection sends others (header X-Key)"}},
		{"one has a key too", []string{bearer, bearer, also}, []string{"bearer"}, []string{"c is called with the credentials of the policy, but the collection sends others (header X-Key)"}},
		{"all have a key too", []string{also, also}, []string{"header", "bearer"}, nil},
		{"few send any", []string{key, none, none}, nil, []string{"a is called without credentials, but the collection sends some (header X-Key): a policy injects what most requests send"}},
		{"many send none", append([]string{bearer, bearer, bearer, bearer, bearer, bearer, bearer}, none, none, none, none, none, none), []string{"bearer"},
			[]string{"h, i, j, k, l and 1 more are called with the credentials of the policy, but the collection sends none"}},
	} {
		var items []string
		for i, auth := range c.each {
			name := string(rune('a' + i))
			items = append(items, asking(name, fmt.Sprintf(`{"url":"https://store.example/%s"%s}`, name, auth)))
		}
		d := imported(t, collecting(strings.Join(items, ",")), Options{})
		var got []string
		for _, in := range d.Policy.Inject {
			got = append(got, in.As)
		}
		if !reflect.DeepEqual(got, c.want) || len(d.Policy.Operations) != len(c.each) {
			t.Errorf("%s: %d operations with %q, want %d with %q", c.name, len(d.Policy.Operations), got, len(c.each), c.want)
		}
		if len(d.Warnings)+len(c.warns) > 0 && !reflect.DeepEqual(d.Warnings, c.warns) {
			t.Errorf("%s: the warnings are\n%s\nwant\n%s", c.name, strings.Join(d.Warnings, "\n"), strings.Join(c.warns, "\n"))
		}
	}
}
