package curl

import (
	"regexp"
	"strings"
)

var (
	// plainID is what identifiers are made of, next to those with an @.
	plainID = regexp.MustCompile(`^[A-Za-z0-9._~:-]+$`)
	// numbered is a number of things of one kind, such as ABC-1, and a number alone.
	numbered = regexp.MustCompile(`^(?:[A-Z][A-Z0-9]*[-_])?\d+$`)
	// hexadecimal is a number of eight digits or more.
	hexadecimal = regexp.MustCompile(`^(?:[0-9a-f]{8,}|[0-9A-F]{8,})$`)
	// numberedWord are words of which more than one digit is a part.
	numberedWord = regexp.MustCompile(`(?i)^(?:base|sha|utf|iso|rfc|cp|aes|crc|win|amd|arm|latin|int|uint|float)[-_]?\d{2,5}$|^(?:sha3?-\d+|x509|h26[45]|o365|i18n|l10n|a11y|g11n|catch22|area51|b2b2c|r2d2)$`)
)

// isIdentifier tells whether a segment of a path names one thing: a number, a code
// with a number, an address of mail. A word that ends in a digit, such as oauth2, is
// none.
func isIdentifier(s string) bool {
	digits := 0
	for i := range len(s) {
		if '0' <= s[i] && s[i] <= '9' {
			digits++
		}
	}
	switch {
	case strings.Contains(s, mark), strings.Contains(s, "@"), strings.Contains(s, "%40"), numbered.MatchString(s):
		return true
	case digits == 0 || !plainID.MatchString(s):
		return false
	case hexadecimal.MatchString(s):
		return true
	}
	return digits > 1 && !numberedWord.MatchString(s)
}
