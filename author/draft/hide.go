package draft

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// named are the ways in which a text gives a value a name: the first group is the
// name, and one of the others the value. They take time in proportion to the text.
var named = []*regexp.Regexp{
	// <name>value</name>, and with a CDATA section.
	regexp.MustCompile(`<([A-Za-z_][\w.:-]*)(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[([^\]]+)\]\]>|([^<>\s][^<>]*))`),
	// A part of a form with parts, whose value stands behind an empty line.
	regexp.MustCompile(`;[ \t]*name="([^"\r\n]+)"[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n([^\r\n]+)`),
	// name="value", name='value', "name": "value", name: "value".
	regexp.MustCompile(`([A-Za-z_][\w.:-]*)["']?\s*[:=]\s*(?:"((?:[^"\\]|\\.)+)"|'((?:[^'\\]|\\.)+)')`),
	// name=value, "name": 17 and name: value.
	regexp.MustCompile(`([A-Za-z_][\w.:-]*)["']?[ \t]*[:=][ \t]*([^\s&;,"'<>{}\[\]()]+)`),
}

// tokenWord finds words that may be credentials by how they begin.
var tokenWord = regexp.MustCompile(`[A-Za-z0-9_.\-]{15,}`)

// aVariable is a value that is nothing but a variable.
var aVariable = regexp.MustCompile(`^\s*\{\{[^{}]*\}\}\s*$`)

// piece is a value in a text.
type piece struct {
	from, to int
	name     string
}

// HideInText makes variables of what may be a credential in a text that is neither
// JSON nor a form, such as XML: values of elements, attributes, members and fields
// with a private name, and words that look like tokens. All samples are private, and
// their values stand in the text as they are. A value that is {{x}} is a variable
// already, and left alone. A text with more than 64 such values becomes one variable.
func HideInText(text string, names *Names) (template string, samples []Sample) {
	spans := privateSpans(text, named)
	if len(spans) > maxSamples {
		spans = []piece{{0, len(text), "body"}}
	}
	var b strings.Builder
	end := 0
	for _, s := range spans {
		raw, _ := json.Marshal(text[s.from:s.to]) // A text can always be written.
		input := policy.InputSpec{Var: names.Of(s.name, "value"), Type: "string"}
		samples = append(samples, Sample{Input: input, Value: raw, Private: true, Credential: true})
		b.WriteString(text[end:s.from] + "{{" + input.Var + "}}")
		end = s.to
	}
	return b.String() + text[end:], samples
}

// HoldsPrivate tells whether HideInText would make a variable of something in a text.
func HoldsPrivate(text string) bool { return len(privateSpans(text, named)) > 0 }

// holdsQuotedPrivate is HoldsPrivate for values in quotes or elements: in what is
// written for programs, such as a query of GraphQL, others are names.
func holdsQuotedPrivate(text string) bool { return len(privateSpans(text, named[:len(named)-1])) > 0 }

// privateSpans finds the values, from left to right, of which none is in another.
func privateSpans(text string, ways []*regexp.Regexp) []piece {
	var all []piece
	for _, pattern := range ways {
		for _, at := range pattern.FindAllStringSubmatchIndex(text, -1) {
			name := text[at[2]:at[3]]
			if !anyPrivate([]string{name}) || strings.HasPrefix(name, "xmlns") {
				continue
			}
			name = name[strings.LastIndexByte(name, ':')+1:] // Without the prefix of a namespace.
			for group := 4; group < len(at); group += 2 {
				if at[group] >= 0 {
					all = append(all, piece{at[group], at[group+1], name})
				}
			}
		}
	}
	for _, at := range tokenWord.FindAllStringIndex(text, -1) {
		if tokenPattern.MatchString(text[at[0]:at[1]]) {
			all = append(all, piece{at[0], at[1], "token"})
		}
	}
	slices.SortStableFunc(all, func(a, b piece) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	end := 0
	return slices.DeleteFunc(all, func(s piece) bool {
		if s.from < end || aVariable.MatchString(text[s.from:s.to]) || strings.TrimSpace(text[s.from:s.to]) == "" {
			return true
		}
		end = s.to
		return false
	})
}
