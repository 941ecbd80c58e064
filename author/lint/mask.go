package lint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy/redislink"
)

// masked stands for what may be a credential.
const masked = "***"

// privateBlocks are the words whose lines and blocks may hold credentials.
var privateBlocks = []string{"inject", "alerts", "state", "basic_auth", "basicauth"}

// shownArguments are how many arguments of a private block's words are shown; of
// words that are not here, none, and not the word either.
var shownArguments = map[string]int{
	"inject": 1, "alerts": 0, "basic_auth": 0, "basicauth": 0, "smtp": 1, "from": 1, "username": 0, "password": 0, "webhook": 0,
	"key": 0, "alg": 1, "kid": 1, "claim": 1, "ttl": 1, "as": 2, "token_url": 1, "client_id": 0, "client_secret": 0,
	"scopes": 99, "auth": 1, "param": 1, "}": 0,
	"state": 1, "fail": 1, "user": 0, "sentinel": 1, "sentinel_user": 0, "sentinel_password": 0, "ca": 1, "certificate": 2,
	"prefix": 1, "timeout": 1, "connections": 1, "leases": 0, "max_tenants": 1, "max_stale": 1,
}

// userInfo is the name and password of an address.
var userInfo = regexp.MustCompile(`://[^/?#\s"]*@`)

// reference is a value that is nothing but a secret's name, with the word before it
// that a header may have.
var reference = regexp.MustCompile(`^(Bearer |Basic |Token )?\{(tenant_)?secret\.[^{}]*\}$`)

// excerpt gives a line as it may be shown to anybody: without what may be a
// credential.
func (s *source) excerpt(number int) string {
	l := s.line(number)
	if l == nil {
		return ""
	}
	text := l.text
	if s.isPrivate(number) {
		text = l.hideArguments()
	} else if len(l.words) > 2 && (l.words[0].is("header") || l.words[0].is("query")) && credentialName.MatchString(l.words[1].text) {
		text = l.hide(2)
	}
	return userInfo.ReplaceAllString(text, "://"+masked+"@")
}

// isPrivate tells whether a line, or a block around it, may hold a credential.
func (s *source) isPrivate(number int) bool {
	for l := s.line(number); l != nil && l.inside; l = s.line(number) { // The word that goes on says whose it is.
		number--
	}
	for l := s.line(number); l != nil; l = s.line(l.block) {
		if len(l.words) > 0 && slices.Contains(privateBlocks, l.words[0].text) {
			return true
		}
	}
	return false
}

// hideArguments hides all of a private line but what cannot be a credential.
func (l *line) hideArguments() string {
	if l.inside || len(l.words) == 0 {
		if strings.TrimSpace(l.text) == "" {
			return l.text
		}
		return masked
	}
	shown, known := shownArguments[l.words[0].text]
	if !known {
		return l.hide(0)
	}
	if l.words[0].is("inject") && len(l.words) > 2 && (l.words[1].is("header") || l.words[1].is("query")) {
		shown = 2
	}
	if l.words[0].is("state") {
		shown = l.shownOfState()
	}
	return l.hide(1 + shown)
}

// shownOfState is how many arguments of `state` are shown: an address only where it
// is one that holds no user and password, and nothing where the word before it was
// forgotten.
func (l *line) shownOfState() int {
	switch {
	case len(l.words) > 1 && l.words[1].is("memory"):
		return 1
	case len(l.words) < 3 || !l.words[1].is("redis"):
		return 0
	}
	if address, err := redislink.ParseURL(l.words[2].text); err != nil || address.User+address.Password != "" {
		return 1
	}
	return 2
}

// hide hides the words from one on, but for references and the sign that opens a
// block, and the comment.
func (l *line) hide(from int) string {
	var b strings.Builder
	at := 0
	for i, w := range l.words {
		if i < from || w.is("{") || reference.MatchString(w.text) {
			continue
		}
		b.WriteString(l.text[at:w.from] + masked)
		at = w.to
	}
	end := len(l.text)
	if n := len(l.words); n > 0 {
		end = l.words[n-1].to // A comment may hold the old one.
	}
	if end > at {
		b.WriteString(l.text[at:end])
	}
	return b.String()
}
