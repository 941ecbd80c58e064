package template

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestAPathTemplateKnowsItsNamesAndItsRoute(t *testing.T) {
	for _, tt := range []struct {
		source string
		names  []string
		route  string
	}{
		{"/", nil, "/"},
		{"/orders/{{order_number}}", []string{"order_number"}, "/orders/{order_number}"},
		{"/{{b}}/x/{{a}}/", []string{"b", "a"}, "/{b}/x/{a}/"},
		{"/café/a%2fb/%41", nil, "/caf%C3%A9/a%2Fb/A"},
		{"/%7Bx%7D", nil, "/%7Bx%7D"},
		{"/a b/c:d@e", nil, "/a%20b/c:d@e"},
	} {
		p, err := ParsePath(tt.source)
		if err != nil {
			t.Errorf("ParsePath(%q) = %v", tt.source, err)
			continue
		}
		if !slices.Equal(p.Names(), tt.names) || p.Route() != tt.route || p.String() != tt.source {
			t.Errorf("ParsePath(%q) has names %q, route %q, source %q, want %q, %q", tt.source, p.Names(), p.Route(), p, tt.names, tt.route)
		}
	}
}

func TestABadPathTemplateIsExplainedWithItsOffset(t *testing.T) {
	for source, want := range map[string]string{
		"":                              "at offset 0: expected a path that begins with a slash",
		"orders":                        "at offset 0: expected a path that begins with a slash",
		"/a/{{x}}.json":                 "at offset 3: expected a segment without braces, or {{name}} for a whole segment",
		"/a/v{{x}}":                     "at offset 3: expected a segment without braces, or {{name}} for a whole segment",
		"/{{x}}{{y}}":                   "at offset 1: expected a segment without braces, or {{name}} for a whole segment",
		"/{x}":                          "at offset 1: expected a segment without braces, or {{name}} for a whole segment",
		"/{{{x}}}":                      "at offset 1: expected a segment without braces, or {{name}} for a whole segment",
		"/{{x":                          "at offset 1: expected a segment without braces, or {{name}} for a whole segment",
		"/}}{{":                         "at offset 1: expected a segment without braces, or {{name}} for a whole segment",
		"/{{}}":                         "at offset 3: expected a name of the form [a-z][a-z0-9_]*",
		"/{{ x }}":                      "at offset 3: expected a name of the form [a-z][a-z0-9_]*",
		"/{{X}}":                        "at offset 3: expected a name of the form [a-z][a-z0-9_]*",
		"/{{1x}}":                       "at offset 3: expected a name of the form [a-z][a-z0-9_]*",
		"/{{x-y}}":                      "at offset 3: expected a name of the form [a-z][a-z0-9_]*",
		"/{{x}}/{{x}}":                  "at offset 9: the variable x occurs twice",
		"/a/../b":                       "at offset 3: a path cannot hold dot segments",
		"/a/%2e":                        "at offset 3: a path cannot hold dot segments",
		"/a?b=1":                        "at offset 2: a path cannot hold ? or #, but encoded",
		"/a%":                           "at offset 2: expected two hexadecimal digits after %",
		strings.Repeat("/a", 65):        "at offset 129: a path has at most 64 segments",
		"/" + strings.Repeat("a", 2048): "at offset 2048: a path has at most 2048 bytes",
	} {
		_, err := ParsePath(source)
		if err == nil || err.Error() != want {
			t.Errorf("ParsePath(%q) = %v, want %q", source, err, want)
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("ParsePath(%q) gives a %T, want an *Error", source, err)
		}
	}
	if _, err := ParsePath(strings.Repeat("/a", 64)); err != nil {
		t.Errorf("64 segments: %v, want nil", err)
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"/", "/orders/{{id}}", "/{{a}}/{{b}}", "/a%2Fb", "/{{", "/}}", "/{{a}}x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(s) {
				t.Fatalf("ParsePath(%q) = %#v, want an *Error with an offset in the text", s, err)
			}
			return
		}
		// The route with values in place of the variables is matched by the
		// template, and gives the values back.
		wire, names := p.Route(), p.Names()
		for _, name := range names {
			wire = strings.Replace(wire, "{"+name+"}", "v-"+strings.ReplaceAll(name, "_", "%5F"), 1)
		}
		r := NewRouter()
		if err := r.Add("GET", p, 7); err != nil {
			t.Fatalf("Add(%q) = %v", s, err)
		}
		id, values, ok := r.Match("GET", wire, nil)
		if !ok || id != 7 || len(values) != len(names) {
			t.Fatalf("template %q: Match(%q) = %d, %q, %v", s, wire, id, values, ok)
		}
		for i, name := range names {
			if values[i] != "v-"+name {
				t.Fatalf("template %q: Match(%q) captures %q, want %q", s, wire, values[i], "v-"+name)
			}
		}
		if err := CheckEscapedPath(wire); err != nil {
			t.Fatalf("template %q has the route %q, which CheckEscapedPath refuses: %v", s, wire, err)
		}
	})
}
