package curl

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// remedy ends the messages about what a shell would do.
const remedy = "expected one curl command alone, with each value in single quotes"

// shellWords splits a command as bash does, which is not asked: what it would run,
// expand, read or write is refused.
func shellWords(command string) ([]word, error) {
	if tooNested(command) {
		return nil, fmt.Errorf("more than %d expansions or brackets of the shell within each other: %s", maxExpansions, remedy)
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(command), "")
	if err != nil {
		return nil, shellError(err)
	}
	switch {
	case len(file.Stmts) == 0:
		return nil, errors.New("there is no command: " + remedy)
	case file.Stmts[0].Background:
		return nil, fmt.Errorf("at %s: an & that would run it in the background: put the address in quotes", placeAt(file.Stmts[0].Semicolon))
	case len(file.Stmts) > 1:
		return nil, fmt.Errorf("at %s: a second command: %s", placeOf(file.Stmts[1]), remedy)
	}
	s := file.Stmts[0]
	switch {
	case s.Negated:
		return nil, fmt.Errorf("at %s: a negation: %s", placeOf(s), remedy)
	case len(s.Redirs) > 0:
		return nil, fmt.Errorf("at %s: a redirection, which reads or writes a file: %s", placeOf(s.Redirs[0]), remedy)
	}
	call, is := s.Cmd.(*syntax.CallExpr)
	switch {
	case !is:
		return nil, fmt.Errorf("at %s: %s: %s", placeOf(s.Cmd), kindOf(s.Cmd), remedy)
	case len(call.Assigns) > 0:
		return nil, fmt.Errorf("at %s: a variable is set: leave that out, and write values into the command", placeOf(call.Assigns[0]))
	}
	words := make([]word, len(call.Args))
	for i, arg := range call.Args {
		if words[i], err = shellWord(arg); err != nil {
			return nil, err
		}
	}
	return words, nil
}

// maxExpansions bounds what may stand within each other: a parser goes down into each.
const maxExpansions = 500

// tooNested counts what opens an expansion, wherever it stands, and how deep brackets
// nest: for each level, the parser takes memory that Go cannot do without.
func tooNested(command string) bool {
	count := 0
	for _, opens := range []string{"$(", "${", "<(", ">(", "`"} {
		count += strings.Count(command, opens)
	}
	return count > maxExpansions || depthOf(command, '(', ')') > maxExpansions || depthOf(command, '[', ']') > maxExpansions
}

// depthOf is how deep brackets nest, wherever they stand.
func depthOf(command string, opens, closes byte) int {
	depth, deepest := 0, 0
	for i := range len(command) {
		switch command[i] {
		case opens:
			depth++
			deepest = max(deepest, depth)
		case closes:
			depth = max(depth-1, 0)
		}
	}
	return deepest
}

// shellError says where a command is broken. What the parser says more may repeat a
// piece of it.
func shellError(err error) error {
	var broken syntax.ParseError
	if !errors.As(err, &broken) {
		return errors.New("it is no command of bash: " + remedy)
	}
	what := "it is no command of bash"
	if broken.Incomplete {
		what = "something is not closed, such as a quotation mark"
	}
	return fmt.Errorf("at %s: %s: %s", placeAt(broken.Pos), what, remedy)
}

// kindOf says what a command is that is not a simple one.
func kindOf(c syntax.Command) string {
	if b, is := c.(*syntax.BinaryCmd); is {
		if b.Op == syntax.Pipe || b.Op == syntax.PipeAll {
			return "a pipe into another command"
		}
		return "a second command"
	}
	return "more than a simple command"
}

func placeOf(n syntax.Node) string { return placeAt(n.Pos()) }

func placeAt(p syntax.Pos) string {
	switch {
	case !p.IsValid():
		return "its end"
	case p.Col() == 0: // So far to the right that the parser does not know.
		return fmt.Sprintf("line %d", p.Line())
	}
	return fmt.Sprintf("line %d, column %d", p.Line(), p.Col())
}

// shellWord joins the parts of a word.
func shellWord(w *syntax.Word) (word, error) {
	out := word{place: placeOf(w)}
	for i, part := range w.Parts {
		text, err := shellPart(part, i == 0)
		if err != nil {
			return word{}, err
		}
		out.text += text
	}
	return out, nil
}

// braces finds what bash makes several words of.
var braces = regexp.MustCompile(`\{[^{}\s]*(?:,|\.\.)[^{}\s]*\}`)

// shellPart gives what a part of a word stands for. first tells that the word begins
// with it.
func shellPart(part syntax.WordPart, first bool) (string, error) {
	switch p := part.(type) {
	case *syntax.Lit:
		// A lone question mark is left alone: nobody means files by it in an address.
		if strings.ContainsAny(unescaped(p.Value), "*[") || braces.MatchString(p.Value) || first && strings.HasPrefix(p.Value, "~") {
			return "", fmt.Errorf("at %s: a pattern for names of files (*, [ ], { }, ~): put the word in single quotes", placeOf(p))
		}
		return unescape(p.Value, ""), nil
	case *syntax.SglQuoted:
		if !p.Dollar {
			return p.Value, nil
		}
		text, err := ansiText(p.Value)
		if err != nil {
			return "", fmt.Errorf("at %s: %w", placeOf(p), err)
		}
		return text, nil
	case *syntax.DblQuoted:
		return doubleQuoted(p)
	case *syntax.ParamExp:
		return variableOf(p)
	default:
		return "", fmt.Errorf("at %s: %s, which is not run: write what comes of it", placeOf(part), partKind(part))
	}
}

// partKind says what a part of a word is that a shell would work out.
func partKind(part syntax.WordPart) string {
	switch part.(type) {
	case *syntax.CmdSubst:
		return "a command in the command, $( ) or ` `"
	case *syntax.ProcSubst:
		return "a command in place of a file, <( )"
	case *syntax.ArithmExp:
		return "a calculation, $(( ))"
	default:
		return "a pattern"
	}
}

// doubleQuoted gives what stands in double quotes.
func doubleQuoted(q *syntax.DblQuoted) (string, error) {
	var text strings.Builder
	for _, part := range q.Parts {
		piece := ""
		var err error
		switch p := part.(type) {
		case *syntax.Lit:
			piece = unescape(p.Value, "$`\"\\\n")
		case *syntax.ParamExp:
			piece, err = variableOf(p)
		default:
			err = fmt.Errorf("at %s: %s, which is not run: write what comes of it", placeOf(part), partKind(part))
		}
		if err != nil {
			return "", err
		}
		text.WriteString(piece)
	}
	return text.String(), nil
}

// unescape undoes backslashes before those characters, or before any where they are
// empty. A line break behind one is none.
func unescape(s, escapable string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (escapable == "" || strings.IndexByte(escapable, s[i+1]) >= 0) {
			if i++; s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// unescaped gives a text without what is escaped in it.
func unescaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// simpleName is the name of a variable that somebody set.
var simpleName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// variableOf marks a variable: $NAME or ${NAME}, and nothing more.
func variableOf(p *syntax.ParamExp) (string, error) {
	simple := p.Param != nil && simpleName.MatchString(p.Param.Value) &&
		!p.Excl && !p.Length && !p.Width && !p.IsSet && p.NestedParam == nil && p.Index == nil &&
		p.Flags == nil && len(p.Modifiers) == 0 && p.Slice == nil && p.Repl == nil && p.Names == 0 && p.Exp == nil
	if !simple {
		return "", fmt.Errorf("at %s: a variable of the shell with more than a name: write its value", placeOf(p))
	}
	return mark + p.Param.Value + mark, nil
}
