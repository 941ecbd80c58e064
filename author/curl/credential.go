package curl

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// secret makes a credential one that the policy refers to, and gives the reference.
// A variable of the shell gives it its name.
func (t *taking) secret(w word, what, about string) string {
	if name, is := w.variable(); is {
		return t.draft.AddSecret(draft.Word(name), about)
	}
	t.hide(w.text)
	return t.draft.AddSecret(draft.SecretName(t.draft.Policy.Name, what), about)
}

// hide notes a text that may not be in what comes out.
func (t *taking) hide(text string) {
	for piece := range strings.SplitSeq(text, mark) {
		if piece != "" {
			t.hidden = append(t.hidden, piece)
		}
	}
}

// hides tells whether a text holds a credential of the command.
func (t *taking) hides(text string) bool {
	return slices.ContainsFunc(t.hidden, func(h string) bool { return isTelling(h) && strings.Contains(text, h) })
}

// Bounds from which on a credential is looked for in other places, in bytes: a shorter
// one stands there by chance, and so does a plain word, such as password.
const (
	minTelling     = 6
	minTellingWord = 16
)

// plainWord is a credential as documentation has it, or a bad one.
var plainWord = regexp.MustCompile(`^[a-z]+$`)

// isTelling tells the credentials that stand nowhere by chance.
func isTelling(s string) bool {
	return len(s) >= minTellingWord || len(s) >= minTelling && !plainWord.MatchString(s)
}

// inject adds a credential, where no other goes to the same place.
func (t *taking) inject(in policy.Inject) {
	place := func(in policy.Inject) string {
		if in.As == "header" || in.As == "query" {
			return in.As + " " + in.Name
		}
		return "header Authorization"
	}
	if slices.ContainsFunc(t.draft.Policy.Inject, func(other policy.Inject) bool { return place(other) == place(in) }) {
		t.request.warn("a second value for the %s: the first is taken", place(in))
		return
	}
	t.draft.Policy.Inject = append(t.draft.Policy.Inject, in)
}

// signed are schemes whose credential is made anew for each request.
var signed = regexp.MustCompile(`(?i)^(?:digest|ntlm|negotiate|hawk|aws4-.*|oauth|signature|sharedkey.*)$`)

// scheme is the word before a credential that says what it is.
var scheme = regexp.MustCompile(`(?i)^(?:token|apikey|bot|ssws|genie|pass|jwt|basic|bearer|[a-z-]*(?:key|token|auth))$`)

// authorize takes the header Authorization.
func (t *taking) authorize(w word) error {
	name, value, found := strings.Cut(w.text, " ")
	value = strings.TrimSpace(value)
	credential := w.part(value)
	switch {
	case w.text == "":
	case !found || value == "":
		t.inject(policy.Inject{As: "header", Name: "Authorization", Value: t.secret(w, "token", "the value of the header Authorization")})
	case signed.MatchString(name):
		return w.wrong("a signature over one request: " + noHandshake)
	case strings.EqualFold(name, "bearer"):
		t.inject(policy.Inject{As: "bearer", Value: t.secret(credential, "token", "the bearer token")})
	case strings.EqualFold(name, "basic"):
		t.basicHeader(credential)
	case scheme.MatchString(name):
		about := "what stands behind " + name + " in the header Authorization"
		t.inject(policy.Inject{As: "header", Name: "Authorization", Value: name + " " + t.secret(credential, "token", about)})
	default:
		t.inject(policy.Inject{As: "header", Name: "Authorization", Value: t.secret(w, "token", "the value of the header Authorization")})
	}
	return nil
}

// basicHeader takes what stands behind Basic.
func (t *taking) basicHeader(w word) {
	decoded, err := base64.StdEncoding.DecodeString(w.text)
	if err != nil || !utf8.Valid(decoded) || !strings.Contains(string(decoded), ":") || strings.Contains(string(decoded), mark) {
		t.inject(policy.Inject{As: "header", Name: "Authorization", Value: "Basic " + t.secret(w, "basic", "what stands behind Basic in the header Authorization")})
		return
	}
	t.hide(w.text)
	t.basic(w.part(string(decoded)))
}

// basic takes user:password. Either may be a key, so both are secrets; what is empty
// stays so.
func (t *taking) basic(w word) {
	user, password, found := strings.Cut(w.text, ":")
	in := policy.Inject{As: "basic"}
	if user != "" {
		in.Name = t.secret(w.part(user), "user", "the user")
	}
	if password != "" || !found {
		in.Value = t.secret(w.part(password), "password", "the password")
	}
	t.inject(in)
}

// logins takes the credentials that curl makes the header Authorization of, which
// gives way to one that is written.
func (t *taking) logins() {
	r := t.request
	if slices.ContainsFunc(r.headers, func(h header) bool { return h.name == "Authorization" }) {
		return
	}
	switch {
	case r.bearer != nil:
		t.inject(policy.Inject{As: "bearer", Value: t.secret(*r.bearer, "token", "the bearer token")})
	case r.user != nil:
		t.basic(*r.user)
	case t.address.user != nil:
		user := unescapedUser(t.address.user.text)
		t.basic(t.address.user.part(user))
	}
}

// cookies takes all cookies as one credential.
func (t *taking) cookies() {
	var all []string
	for _, h := range t.request.headers {
		if h.name == "Cookie" && h.value.text != "" {
			all = append(all, h.value.text)
		}
	}
	if len(all) == 0 {
		return
	}
	w := word{text: strings.Join(all, "; ")}
	for _, text := range all {
		for one := range strings.SplitSeq(text, ";") {
			if _, value, _ := strings.Cut(strings.TrimSpace(one), "="); len(value) >= minTellingWord {
				t.hide(value)
			}
		}
	}
	t.inject(policy.Inject{As: "header", Name: "Cookie", Value: t.secret(w, "cookie", "the header Cookie, whole; a browser's session ends sooner or later")})
}

// privateHeader takes a header that holds a credential.
func (t *taking) privateHeader(h header) {
	about := "the value of the header " + h.name
	t.inject(policy.Inject{As: "header", Name: h.name, Value: t.secret(h.value, h.name, about)})
}

// isPrivateHeader tells whether a header holds a credential.
func isPrivateHeader(h header) bool {
	return draft.IsPrivate(h.name) || h.value.isPrivate() || draft.LooksPrivate(h.value.text) && !callHeaders.MatchString(h.name) && !strings.HasPrefix(h.name, "Accept")
}

// callHeaders are those whose value is another one for each call.
var callHeaders = regexp.MustCompile(`^(?:X-)?(?:Idempotency-Key|Request-Id|Correlation-Id|Transaction-Id)$`)
