package extract

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// compileIRegexp compiles a regular expression of RFC 9485, which is a small
// subset of what Go accepts; the rest is refused, because other readers of the
// same path would understand it otherwise or not at all. whole says that it
// must match all of a text rather than a part.
//
// As section 5 of that RFC has it, a dot means any character but \n and \r,
// and ^ and $ are left as they are. size is the number of instructions: a match
// takes at most a time proportional to it and to the length of the text.
func compileIRegexp(pattern string, whole bool) (re *regexp.Regexp, size int, err error) {
	r := iregexp{src: pattern}
	if err := r.branches(0); err != nil {
		return nil, 0, err
	}
	if r.pos < len(pattern) {
		return nil, 0, r.fail()
	}
	translated := r.out.String()
	if whole {
		translated = `\A(?:` + translated + `)\z`
	}
	re, err = regexp.Compile(translated)
	if err != nil {
		return nil, 0, fmt.Errorf("compiling regular expression %q: %w", pattern, err)
	}
	size, err = programSize(translated)
	return re, size, err
}

func programSize(pattern string) (int, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, err
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, err
	}
	return len(prog.Inst), nil
}

// iregexp checks the grammar of RFC 9485 and writes the same for Go.
type iregexp struct {
	src string
	pos int
	out strings.Builder
}

func (r *iregexp) branches(depth int) error {
	if depth > MaxNesting {
		return fmt.Errorf("a regular expression nests at most %d deep", MaxNesting)
	}
	for r.pos < len(r.src) && r.src[r.pos] != ')' {
		if r.take("|") {
			continue
		}
		if err := r.atom(depth); err != nil {
			return err
		}
		if err := r.quantifier(); err != nil {
			return err
		}
	}
	return nil
}

func (r *iregexp) atom(depth int) error {
	switch c := r.src[r.pos]; c {
	case '(':
		r.take("(")
		if err := r.branches(depth + 1); err != nil {
			return err
		}
		if !r.take(")") {
			return r.fail()
		}
		return nil
	case '[':
		return r.class()
	case '\\':
		return r.escape()
	case '.':
		r.pos++
		r.out.WriteString(`[^\n\r]`)
		return nil
	case '*', '+', '?', '{', '}', ']':
		return r.fail()
	}
	r.character()
	return nil
}

func (r *iregexp) quantifier() error {
	if r.take("*") || r.take("+") || r.take("?") || !r.take("{") {
		return nil
	}
	if !r.number() {
		return r.fail()
	}
	if r.take(",") {
		r.number()
	}
	if !r.take("}") {
		return r.fail()
	}
	return nil
}

func (r *iregexp) number() bool {
	start := r.pos
	for r.pos < len(r.src) && isDigit(r.src[r.pos]) {
		r.character()
	}
	return r.pos > start
}

// class reads a character class expression: [a-z], [^...]. A hyphen stands for
// itself only at its beginning and at its end.
func (r *iregexp) class() error {
	r.take("[")
	r.take("^")
	empty := true
	if r.at("-") {
		r.hyphen()
		empty = false
	}
	for !r.at("]") {
		if r.at("-") {
			r.hyphen()
			if r.at("]") && !empty {
				break
			}
			return r.fail()
		}
		if err := r.classMember(); err != nil {
			return err
		}
		empty = false
	}
	if empty {
		return r.fail()
	}
	r.take("]")
	return nil
}

// classMember reads a character, a range of them, or a category.
func (r *iregexp) classMember() error {
	if r.at(`\p`) || r.at(`\P`) {
		return r.escape()
	}
	if err := r.classCharacter(); err != nil {
		return err
	}
	if !r.at("-") || r.at("-]") {
		return nil
	}
	r.take("-")
	return r.classCharacter()
}

func (r *iregexp) classCharacter() error {
	switch {
	case r.pos >= len(r.src) || strings.IndexByte("-[]", r.src[r.pos]) >= 0 || r.at(`\p`) || r.at(`\P`):
		return r.fail()
	case r.src[r.pos] == '\\':
		return r.escape()
	}
	r.character()
	return nil
}

// hyphen writes a hyphen that stands for itself.
func (r *iregexp) hyphen() {
	r.pos++
	r.out.WriteString(`\-`)
}

// categories are the letters that may follow the first one of a Unicode
// general category.
var categories = map[byte]string{
	'L': "ulmot", 'M': "cen", 'N': "dlo", 'P': "cdefios", 'Z': "lps", 'S': "ckmo", 'C': "cfno",
}

func (r *iregexp) escape() error {
	if r.at(`\p{`) || r.at(`\P{`) {
		category, _, closed := strings.Cut(r.src[r.pos+3:], "}")
		if closed && isCategory(category) {
			r.take(r.src[r.pos : r.pos+len(category)+4])
			return nil
		}
		return r.fail()
	}
	if r.pos+1 < len(r.src) && strings.IndexByte(`()*+-.?[\]^nrt{|}`, r.src[r.pos+1]) >= 0 {
		r.take(r.src[r.pos : r.pos+2])
		return nil
	}
	return r.fail()
}

func isCategory(s string) bool {
	if len(s) == 0 || len(s) > 2 {
		return false
	}
	minor, ok := categories[s[0]]
	return ok && (len(s) == 1 || strings.IndexByte(minor, s[1]) >= 0)
}

func (r *iregexp) at(s string) bool { return strings.HasPrefix(r.src[r.pos:], s) }

// take copies s if it comes next.
func (r *iregexp) take(s string) bool {
	if !r.at(s) {
		return false
	}
	r.pos += len(s)
	r.out.WriteString(s)
	return true
}

// character copies the next character, which must exist.
func (r *iregexp) character() {
	_, size := utf8.DecodeRuneInString(r.src[r.pos:])
	r.out.WriteString(r.src[r.pos : r.pos+size])
	r.pos += size
}

func (r *iregexp) fail() error {
	return fmt.Errorf("not a regular expression of RFC 9485 (which has no \\d, \\w, \\s, \\b and no groups with ?): %q at byte %d", r.src, r.pos)
}
