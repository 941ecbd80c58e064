package draft

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxName bounds a name that is made here, in bytes, before the number that makes
// it unique.
const maxName = 48

// Names gives names of the form [a-z][a-z0-9_]*, each once. The zero value is
// ready; it is not safe for concurrent use.
type Names struct{ taken map[string]int }

// Take notes names that are used already.
func (n *Names) Take(names ...string) {
	for _, name := range names {
		n.take(name)
	}
}

// take notes a name, and tells whether it is new.
func (n *Names) take(name string) bool {
	if n.taken == nil {
		n.taken = make(map[string]int)
	}
	n.taken[name]++
	return n.taken[name] == 1
}

// Of makes a name of any text: "getOrderById" is get_order_by_id. A text in which
// there is nothing for a name has the other one, which must be a name. One that is
// used already has a number behind it, from _2 on. It is at most 56 bytes long.
func (n *Names) Of(text, otherwise string) string {
	name := Word(text)
	switch {
	case name == "":
		name = otherwise
	case name[0] < 'a':
		name = otherwise + "_" + name
	}
	if n.take(name) {
		return name
	}
	for number := n.taken[name]; ; number++ {
		if numbered := name + "_" + strconv.Itoa(number); n.take(numbered) {
			n.taken[name] = number
			return numbered
		}
	}
}

// Word makes lower-case words of any text, with underscores between them:
// "X-Api-Key", "xApiKey" and "X API key" are x_api_key. Letters that are not
// English ones become what is nearest, or go. The result is at most 48 bytes long,
// and empty where nothing is left; it may begin with a digit.
func Word(text string) string {
	var b strings.Builder
	var before rune // the character before, in its own case
	gap := false
	for _, r := range text {
		if b.Len() >= maxName {
			break
		}
		plain := plainLetters(r)
		if plain == "" {
			gap, before = b.Len() > 0, 0
			continue
		}
		if gap || unicode.IsUpper(r) && (unicode.IsLower(before) || unicode.IsDigit(before)) {
			b.WriteByte('_')
		}
		b.WriteString(plain)
		gap, before = false, r
	}
	word := b.String()
	return strings.Trim(word[:min(len(word), maxName)], "_")
}

// plainLetters gives a letter or digit as [a-z0-9], and nothing for all else.
func plainLetters(r rune) string {
	r = unicode.ToLower(r)
	if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
		return string(r)
	}
	const accented, plain = "àáâãåçèéêëìíîïñòóôõùúûýÿčďěňřšťůžłąęśźżćń", "aaaaaceeeeiiiinoooouuuyycdenrstuzlaeszzcn"
	if i := slices.Index([]rune(accented), r); i >= 0 {
		return plain[i : i+1]
	}
	switch r {
	case 'ä', 'æ':
		return "ae"
	case 'ö', 'ø', 'œ':
		return "oe"
	case 'ü':
		return "ue"
	case 'ß':
		return "ss"
	}
	return ""
}

// PolicyName makes the name of a policy of a title, such as "The Store API 2.0":
// store.
func PolicyName(title string) string {
	words := strings.Split(Word(title), "_")
	words = slices.DeleteFunc(words, func(w string) bool {
		return w == "" || w[0] < 'a' || slices.Contains([]string{"the", "api", "apis", "rest", "http", "web", "openapi", "swagger", "service", "v1", "v2", "v3", "v4"}, w)
	})
	return policyName(strings.Join(words[:min(len(words), 4)], "_"))
}

// HostPolicyName makes the name of a policy of a host, with or without a port:
// that of api.store.example:8443 is store. An address and localhost are api.
func HostPolicyName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(host, ".")), ".")
	if net.ParseIP(strings.Trim(host, "[]")) != nil || len(labels) < 2 {
		return policyName("api")
	}
	at := len(labels) - 2 // Before the top-level domain,
	if at > 0 && len(labels[at+1]) == 2 && slices.Contains([]string{"ac", "co", "com", "edu", "gob", "gov", "ne", "net", "or", "org"}, labels[at]) {
		at-- // which may have two labels, as co.uk has.
	}
	return policyName(Word(labels[at]))
}

// policyName makes a name one that a policy can have.
func policyName(name string) string {
	switch {
	case name == "" || name[0] < 'a':
		return "api"
	case name == "call" || name == "health": // What these mean in a URL is taken.
		return name + "_api"
	}
	return name
}

// Singular gives the name of one of many: orders is order, categories category.
// What does not look like many stays.
func Singular(word string) string {
	switch {
	case strings.HasSuffix(word, "ies") && len(word) > 4:
		return strings.TrimSuffix(word, "ies") + "y"
	case strings.HasSuffix(word, "sses"), strings.HasSuffix(word, "xes"), strings.HasSuffix(word, "ches"), strings.HasSuffix(word, "shes"):
		return strings.TrimSuffix(word, "es")
	case strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss") && !strings.HasSuffix(word, "us") && !strings.HasSuffix(word, "is") && len(word) > 3:
		return strings.TrimSuffix(word, "s")
	}
	return word
}

// SecretName makes the name of a policy's secret: that of the header X-Api-Key is
// store_api_key. The name of the policy is not repeated.
func SecretName(policy, text string) string {
	policy = Word(policy)
	what := strings.TrimPrefix(strings.TrimPrefix(Word(text), "x_"), policy+"_")
	if what == "" || what == policy {
		what = "secret"
	}
	if policy == "" {
		return what
	}
	return policy + "_" + what
}

// SecretVariable is the environment variable that {secret.name} is read from where
// the configuration says `secrets env SIGNPOST_SECRET_`.
func SecretVariable(name string) string {
	return secretPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(name))
}

// secretPrefix begins the environment variables with secrets.
const secretPrefix = "SIGNPOST_SECRET_"
