package caddymodule

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// duration reads a time span above 0. Zero would mean "not said" to the
// engine, so it is refused rather than taken for the default.
func (s scope) duration(l *line, i int) policy.Duration {
	d, err := policy.ParseDuration(l.arg(i))
	switch {
	case err != nil:
		s.wrong(l.place, "%v", err)
	case d == 0:
		s.wrong(l.place, "%q is no time at all: expected more than 0", l.arg(i))
	}
	return d
}

// size reads a number of bytes above 0.
func (s scope) size(l *line, i int) policy.Size {
	n, err := policy.ParseSize(l.arg(i))
	switch {
	case err != nil:
		s.wrong(l.place, "%v", err)
	case n == 0:
		s.wrong(l.place, "%q is no size at all: expected more than 0", l.arg(i))
	}
	return n
}

// count reads a whole number, at least as large as the least.
func (s scope) count(l *line, i, least int) int {
	n, err := strconv.Atoi(l.arg(i))
	if err != nil || n < least {
		s.wrong(l.place, "%q is not a count: expected a whole number from %d on", l.arg(i), least)
	}
	return n
}

// percent reads a share from 0% to 100%.
func (s scope) percent(l *line, i int) float64 {
	digits, marked := strings.CutSuffix(l.arg(i), "%")
	p, err := strconv.ParseFloat(digits, 64)
	// The comparison is written so that NaN fails it.
	if err != nil || !marked || !(p >= 0 && p <= 100) {
		s.wrong(l.place, "%q is not a percentage: expected one from 0%% to 100%%", l.arg(i))
		return 0
	}
	return p
}

// oneOf reads one of a few words, and gives nothing where it is another: an
// operation would inherit the mistake of its policy.
func (s scope) oneOf(l *line, i int, choices ...string) string {
	if !slices.Contains(choices, l.arg(i)) {
		s.wrong(l.place, "%q is not known here: expected %s", l.arg(i), strings.Join(choices, " or "))
		return ""
	}
	return l.arg(i)
}

// literal reads an argument as JSON: text in double quotes is a string, all else
// stands for itself and must be JSON.
func literal(a argument) (json.RawMessage, error) {
	if a.quote == '"' {
		return json.Marshal(a.text)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(a.text)); err != nil {
		return nil, err
	}
	return compact.Bytes(), nil
}

// upper reads the arguments as HTTP methods.
func (s scope) upper(l *line) []string {
	methods := l.texts(0)
	for i, m := range methods {
		methods[i] = strings.ToUpper(m)
		if slices.Contains(methods[:i], methods[i]) {
			s.wrong(l.place, "%s stands twice", methods[i])
		}
	}
	return methods
}

// setDuration makes the reader of a word with one duration.
func setDuration[T any](field func(*T) *policy.Duration) func(scope, *line, *T) {
	return func(s scope, l *line, into *T) { *field(into) = s.duration(l, 0) }
}

// setText makes the reader of a word with one argument that is taken as it is.
func setText[T any](field func(*T) *string) func(scope, *line, *T) {
	return func(_ scope, l *line, into *T) { *field(into) = l.arg(0) }
}

// setFlag makes the reader of a word that says all by standing there.
func setFlag[T any](field func(*T) *bool) func(scope, *line, *T) {
	return func(_ scope, _ *line, into *T) { *field(into) = true }
}

// setNext makes the reader of `next continue|stop`.
func setNext[T any](field func(*T) *string) func(scope, *line, *T) {
	return func(s scope, l *line, into *T) { *field(into) = s.oneOf(l, 0, "continue", "stop") }
}
