package curl

import (
	"fmt"
	"regexp"
	"strings"
)

// promptSigns are those of a command that was copied for the prompt of Windows: a
// caret before the quotation mark of a value, or at the end of a line.
var promptSigns = regexp.MustCompile(`\^"|\^[ \t]*\n`)

// shellSigns are those of bash: a backslash at the end of a line, and quotation marks
// that the prompt of Windows does not know, before any that it knows.
var shellSigns = regexp.MustCompile(`\\\n|^[^"]*'`)

// isPrompt tells whether a command is for the prompt of Windows.
func isPrompt(command string) bool {
	return promptSigns.MatchString(command) && !shellSigns.MatchString(command)
}

// promptWords splits a command as the prompt of Windows and curl do it one after the
// other: carets escape what the prompt would take for its own, and of what is left
// quotes make words.
func promptWords(command string) ([]word, error) {
	line, err := withoutCarets(command)
	if err != nil {
		return nil, err
	}
	var words []word
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' || line[i] == '\n' {
			i++
			continue
		}
		text, end := promptWord(line, i)
		words = append(words, word{text: text, place: fmt.Sprintf("word %d", len(words)+1)})
		i = end
	}
	return words, nil
}

// withoutCarets does what the prompt does before a program is started.
func withoutCarets(s string) (string, error) {
	var b strings.Builder
	line, inQuotes := 1, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\n' {
			line++
		}
		switch {
		case c == '^' && !inQuotes && i+1 < len(s):
			if i++; s[i] == '\n' { // The line goes on, and what comes next is taken as it is.
				line++
				if i++; i == len(s) {
					return b.String(), nil
				}
			}
			if s[i] == '"' {
				b.WriteByte('"')
				continue
			}
			b.WriteByte(s[i])
			continue
		case c == '"':
			inQuotes = !inQuotes
		case !inQuotes && strings.IndexByte("&|<>", c) >= 0:
			return "", fmt.Errorf("at line %d: a %c, which begins another command or names a file: %s", line, c, remedy)
		case !inQuotes && c == '\n' && strings.TrimSpace(s[i:]) != "":
			return "", fmt.Errorf("at line %d: a second command: %s", line, remedy)
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

// promptWord reads one word from start on, and tells where it ends: backslashes count
// only before a quotation mark, and two of those in quotes are one.
func promptWord(s string, start int) (text string, end int) {
	var b strings.Builder
	inQuotes := false
	for i := start; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\':
			run := len(s[i:]) - len(strings.TrimLeft(s[i:], `\`))
			if i+run == len(s) || s[i+run] != '"' {
				b.WriteString(s[i : i+run])
				i += run - 1
				continue
			}
			b.WriteString(strings.Repeat(`\`, run/2))
			if i += run - 1; run%2 == 1 {
				i++
				b.WriteByte('"')
			}
		case c == '"' && inQuotes && i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		case c == '"':
			inQuotes = !inQuotes
		case !inQuotes && (c == ' ' || c == '\t' || c == '\n'):
			return b.String(), i
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), len(s)
}
