package extract

import (
	"strconv"
	"strings"
)

// filter reads a filter selector from its question mark.
func (p *parser) filter() (selector, error) {
	t, err := p.nested()
	if err != nil {
		return nil, err
	}
	return &filter{test: t}, nil
}

// nested reads what stands behind a question mark or an opening parenthesis, one
// level deeper.
func (p *parser) nested() (test, error) {
	p.pos++
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	p.space()
	return p.or()
}

// or reads alternatives, which bind weakest.
func (p *parser) or() (test, error) {
	alternatives, err := p.joined("||", p.and)
	if len(alternatives) == 1 {
		return alternatives[0], err
	}
	return anyOf(alternatives), err
}

// and reads what must hold together.
func (p *parser) and() (test, error) {
	parts, err := p.joined("&&", p.basic)
	if len(parts) == 1 {
		return parts[0], err
	}
	return allOf(parts), err
}

// joined reads operands with the operator between each two of them.
func (p *parser) joined(operator string, operand func() (test, error)) ([]test, error) {
	var tests []test
	for {
		t, err := operand()
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
		if !p.operator(operator) {
			return tests, nil
		}
	}
}

// operator reads an operator between two operands, if it comes next, and the
// blanks around it.
func (p *parser) operator(op string) bool {
	before := p.pos
	p.space()
	if !strings.HasPrefix(p.src[p.pos:], op) {
		p.pos = before
		return false
	}
	p.pos += len(op)
	p.space()
	return true
}

// basic reads what stands between && and ||: parentheses, a comparison, or a
// test for existence; the first and the last may be negated.
func (p *parser) basic() (test, error) {
	negated := p.accept('!')
	if negated {
		p.space()
	}
	var t test
	var err error
	if p.peek() == '(' {
		t, err = p.parentheses()
	} else {
		t, err = p.comparisonOrTest(negated)
	}
	if err != nil {
		return nil, err
	}
	if negated {
		return not{t}, nil
	}
	return t, nil
}

func (p *parser) parentheses() (test, error) {
	t, err := p.nested()
	if err != nil {
		return nil, err
	}
	if p.space(); !p.accept(')') {
		return nil, p.unexpected("expecting &&, || or )")
	}
	return t, nil
}

// comparisonOrTest tells the two apart by the operator behind the first
// operand, and refuses what is not well-typed (RFC 9535, section 2.4.3).
func (p *parser) comparisonOrTest(negated bool) (test, error) {
	start := p.pos
	left, err := p.primary()
	if err != nil {
		return nil, err
	}
	opAt := p.pos
	op := p.comparator()
	if op == "" {
		switch t := left.(type) {
		case *query:
			return exists{t}, nil
		case test:
			return t, nil
		}
		return nil, p.fail(start, "a value alone is no condition: compare it with something")
	}
	if negated {
		return nil, p.fail(opAt, "! in front of a comparison needs parentheses around it")
	}
	l, err := p.comparable(left, start)
	if err != nil {
		return nil, err
	}
	start = p.pos
	right, err := p.primary()
	if err != nil {
		return nil, err
	}
	r, err := p.comparable(right, start)
	if err != nil {
		return nil, err
	}
	return comparison{op: op, left: l, right: r}, nil
}

// comparator reads a comparison operator, if one comes next.
func (p *parser) comparator() string {
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">"} {
		if p.operator(op) {
			return op
		}
	}
	return ""
}

// comparable turns what primary read at start into an operand, which gives at
// most one value.
func (p *parser) comparable(primary any, start int) (operand, error) {
	switch o := primary.(type) {
	case operand:
		return o, nil
	case *query:
		if o.singular {
			return singular{o}, nil
		}
		return nil, p.fail(start, "only a path that names one place can stand here")
	}
	return nil, p.fail(start, "match and search give true or false, which is not a value to compare")
}

// primary reads a literal or a call (an operand, or a test in the case of
// match and search), or a *query.
func (p *parser) primary() (any, error) {
	switch c := p.peek(); {
	case c == '@' || c == '$':
		p.pos++
		return p.query(c == '$')
	case c == '\'' || c == '"':
		s, err := p.quoted()
		return literal{s}, err
	case c == '-' || isDigit(c):
		return p.number()
	case 'a' <= c && c <= 'z':
		return p.word()
	}
	return nil, p.unexpected("expecting @, $, a literal, a function, ! or (")
}

// number reads a number literal, which unlike one of JSON may be -0.
func (p *parser) number() (operand, error) {
	start := p.pos
	p.accept('-')
	first := p.pos
	p.digits()
	switch digits := p.src[first:p.pos]; {
	case digits == "":
		return nil, p.unexpected("expecting a digit")
	case digits[0] == '0' && len(digits) > 1:
		return nil, p.fail(start, "a number has no leading zeros")
	}
	if p.accept('.') {
		if !isDigit(p.peek()) {
			return nil, p.unexpected("expecting a digit")
		}
		p.digits()
	}
	if p.accept('e') || p.accept('E') {
		if !p.accept('+') {
			p.accept('-')
		}
		if !isDigit(p.peek()) {
			return nil, p.unexpected("expecting a digit")
		}
		p.digits()
	}
	text := p.src[start:p.pos]
	if n, err := strconv.Atoi(text); err == nil {
		return literal{n}, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, p.fail(start, "the number is out of range")
	}
	return literal{f}, nil
}

// word reads true, false, null, or a call.
func (p *parser) word() (any, error) {
	start := p.pos
	for c := p.peek(); 'a' <= c && c <= 'z' || c == '_' || isDigit(c); c = p.peek() {
		p.pos++
	}
	word := p.src[start:p.pos]
	if p.accept('(') {
		return p.call(word, start)
	}
	switch word {
	case "true":
		return literal{true}, nil
	case "false":
		return literal{false}, nil
	case "null":
		return literal{nil}, nil
	}
	return nil, p.fail(start, "%q is no literal: strings stand in quotes, members of the current node are written @.name", word)
}

// call reads the arguments of a function and its closing parenthesis.
func (p *parser) call(function string, start int) (any, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	p.space()
	var result any
	var err error
	switch function {
	case "length":
		var o operand
		o, err = p.valueArgument()
		result = lengthCall{o}
	case "count":
		var q *query
		q, err = p.nodesArgument(function)
		result = countCall{q}
	case "value":
		var q *query
		q, err = p.nodesArgument(function)
		result = valueCall{q}
	case "match", "search":
		result, err = p.patternArguments(function)
	default:
		return nil, p.fail(start, "no function %q: there are length, count, value, match and search", function)
	}
	if err != nil {
		return nil, err
	}
	if p.space(); !p.accept(')') {
		return nil, p.unexpected("expecting ) behind the arguments of " + function)
	}
	return result, nil
}

// valueArgument reads an argument of ValueType.
func (p *parser) valueArgument() (operand, error) {
	start := p.pos
	primary, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.comparable(primary, start)
}

// nodesArgument reads an argument of NodesType.
func (p *parser) nodesArgument(function string) (*query, error) {
	start := p.pos
	primary, err := p.primary()
	if err != nil {
		return nil, err
	}
	if q, ok := primary.(*query); ok {
		return q, nil
	}
	return nil, p.fail(start, "%s takes a path", function)
}

func (p *parser) patternArguments(function string) (test, error) {
	text, err := p.valueArgument()
	if err != nil {
		return nil, err
	}
	if p.space(); !p.accept(',') {
		return nil, p.unexpected("expecting , and a regular expression")
	}
	p.space()
	start := p.pos
	argument, err := p.valueArgument()
	if err != nil {
		return nil, err
	}
	lit, ok := argument.(literal)
	if !ok {
		return nil, p.fail(start, "a regular expression that is not written in the path is not supported")
	}
	pattern, ok := lit.constant.(string)
	if !ok {
		return nil, p.fail(start, "a regular expression is a string")
	}
	re, size, err := compileIRegexp(pattern, function == "match")
	if err != nil {
		return nil, p.fail(start, "%v", err)
	}
	return patternTest{text: text, re: re, size: size}, nil
}
