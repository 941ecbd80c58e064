package draft

import (
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// harmless are names, as Word writes them, that hold the words of credentials and
// are none.
var harmless = []string{
	"code", "country_code", "currency_code", "idempotency_key", "x_idempotency_key", "sort_key", "primary_key", "partition_key",
	"token_type", "max_tokens", "page_token", "next_page_token", "next_token", "continuation_token", "sync_token",
}

// IsPrivate tells the names of headers, query parameters and fields whose values are
// credentials that stay the same from call to call.
func IsPrivate(name string) bool {
	w := Word(name)
	if slices.Contains(harmless, w) {
		return false
	}
	if strings.HasSuffix(w, "_key") {
		return true
	}
	return policy.IsPrivateName(author.ReplaceAllString(w, "")) || policy.IsPrivateName(name) && !author.MatchString(w)
}

// author is what "auth" is part of without being one.
var author = regexp.MustCompile(`authors?(?:_|\b)`)

// tokenPattern are credentials that can be told by how they begin.
var tokenPattern = regexp.MustCompile(`^(?:sk|pk|rk|whsec|sess|key|pat|ghp|gho|ghs|ghu|github_pat|glpat|xox[abprs]|shpat|shpss|npm|pypi|AKIA|ASIA|AIza|ya29|eyJ|SG\.|EAA)[A-Za-z0-9_.\-]{12,}$`)

// uuid is not secret by its form: most of them name things.
var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// minToken is how long a text of mixed letters and digits must be to be taken for a
// credential, in bytes.
const minToken = 24

// LooksPrivate tells values that may be credentials, whatever they are called: long
// texts of letters and digits without a blank. It is a guess, and no proof of the
// contrary.
func LooksPrivate(value string) bool {
	value = strings.TrimSpace(value)
	switch {
	case tokenPattern.MatchString(value):
		return true
	case len(value) < minToken || uuid.MatchString(value):
		return false
	}
	lower, upper, digits := 0, 0, 0
	for i := range len(value) {
		switch c := value[i]; {
		case 'a' <= c && c <= 'z':
			lower++
		case 'A' <= c && c <= 'Z':
			upper++
		case '0' <= c && c <= '9':
			digits++
		case !strings.ContainsRune("_-.=+/:~", rune(c)):
			return false
		}
	}
	return digits > 2 && lower+upper > 2
}
