package policy

import (
	"strings"
	"unicode"
)

// ExtractLine is the line of a Caddyfile that reads a path, which must be one,
// into a variable. A path that the parser of Caddyfiles would tear apart stands in
// backticks. What still means something there can only be part of a string in the
// path, where an escape says the same (RFC 9535, section 2.3.1.1), or be blank.
func ExtractLine(name, path string) string {
	const tearing = "\"'`{}#\\<>"
	if !strings.ContainsAny(path, tearing) && !strings.ContainsFunc(path, unicode.IsSpace) {
		return "extract " + name + " " + path
	}
	return "extract " + name + " `" + inBackticks.Replace(path) + "`"
}

// inBackticks makes of a path one that stands in backticks on one line. A brace
// may begin one of Caddy's placeholders, which are filled in even there.
var inBackticks = strings.NewReplacer("`", `\u0060`, "{", `\u007b`, "\r", " ", "\n", " ")
