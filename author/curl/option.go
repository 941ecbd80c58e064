package curl

import (
	"fmt"
	"regexp"
	"strings"
)

// option is one option of curl.
type option struct {
	long  string
	short byte // 0: none
	value bool // it takes one

	// does notes what the option says. nil: it changes nothing about the request.
	does func(r *request, value word) error
}

// byLong and byShort find options.
var (
	byLong  = make(map[string]*option, len(known))
	byShort = make(map[byte]*option, len(known))
)

func init() {
	for i := range known {
		o := &known[i]
		byLong[o.long] = o
		if o.short != 0 {
			byShort[o.short] = o
		}
	}
}

// maxWords bounds the words of a command.
const maxWords = 2000

// readOptions makes a request of the words behind "curl".
func readOptions(words []word) (*request, error) {
	if len(words) > maxWords {
		return nil, fmt.Errorf("%d words are too many: expected at most %d", len(words), maxWords)
	}
	r := &request{}
	onlyValues := false
	for len(words) > 0 {
		w := words[0]
		words = words[1:]
		var err error
		switch {
		case onlyValues || w.text == "" || w.text == "-" || w.text[0] != '-':
			err = r.setURL(w)
		case w.text == "--":
			onlyValues = true
		case strings.HasPrefix(w.text, "--"):
			words, err = r.long(w, words)
		default:
			words, err = r.short(w, words)
		}
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// optionName is what an option looks like, and hardly any credential.
var optionName = regexp.MustCompile(`^[a-z][a-z0-9.-]{0,31}$`)

// long reads an option that is written out, and gives the words that are left.
func (r *request) long(w word, rest []word) ([]word, error) {
	name, glued, isGlued := strings.Cut(w.text[2:], "=")
	o := byLong[name]
	if o == nil {
		positive, negated := strings.CutPrefix(name, "no-")
		if o = byLong[positive]; !negated || o == nil || o.value {
			return nil, unknownOption(w, name)
		}
		return rest, nil // What is switched off is left at its default.
	}
	switch {
	case !o.value && isGlued:
		return nil, w.wrong("--%s takes no value", name)
	case !o.value:
		return rest, o.note(r, w)
	case isGlued:
		return rest, o.note(r, w.part(glued))
	case len(rest) == 0:
		return nil, w.wrong("--%s without its value", name)
	}
	return rest[1:], o.note(r, rest[0])
}

// unknownOption names an option, where it looks like one.
func unknownOption(w word, name string) error {
	if !optionName.MatchString(name) {
		return w.wrong("an option that is not known")
	}
	return w.wrong("the option --%s is not known: leave it out where it does not change the request", name)
}

// short reads letters behind one dash, of which the last may have a value.
func (r *request) short(w word, rest []word) ([]word, error) {
	for i := 1; i < len(w.text); i++ {
		o := byShort[w.text[i]]
		if o == nil {
			if c := w.text[i]; c > ' ' && c < 0x7f {
				return nil, w.wrong("the option -%c is not known: leave it out where it does not change the request", c)
			}
			return nil, w.wrong("an option that is not known")
		}
		if !o.value {
			if err := o.note(r, w); err != nil {
				return nil, err
			}
			continue
		}
		if glued := w.text[i+1:]; glued != "" {
			return rest, o.note(r, w.part(glued))
		}
		if len(rest) == 0 {
			return nil, w.wrong("-%c without its value", w.text[i])
		}
		return rest[1:], o.note(r, rest[0])
	}
	return rest, nil
}

// note lets the option say what it says.
func (o *option) note(r *request, value word) error {
	if o.does == nil {
		return nil
	}
	return o.does(r, value)
}

// flag makes what an option without a value does.
func flag(set func(*request)) func(*request, word) error {
	return func(r *request, _ word) error {
		set(r)
		return nil
	}
}

// warns makes what an option does that cannot be taken over, but is not part of the
// request.
func warns(text string) func(*request, word) error {
	return func(r *request, _ word) error {
		r.warn("%s", text)
		return nil
	}
}

// refuses makes what an option does without which the request is another one.
func refuses(text string) func(*request, word) error {
	return func(_ *request, value word) error { return value.wrong("%s", text) }
}
