package postman

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
)

// minHidden is how long a credential must be, in bytes, to be looked for in all other
// places, whatever stands beside it; a shorter one, from minShort on, is looked for as
// a word, and not in addresses.
const (
	minHidden = 8
	minShort  = 4
)

// vault knows the credentials of a collection by variables of its own. Of what it
// has seen, no text that comes after it holds more than the variables.
type vault struct {
	marks     map[string]string // {{secret:…}} by what stood in the place of a credential
	replaced  map[string]string // the same by what is looked for
	private   map[string]bool   // the collection's variables that hold credentials
	names     draft.Names
	short     map[string]string // the same of those that are looked for as words
	begins    [256]bool         // what they begin with
	values    []string          // to look for, in the order in which they were met
	size      int               // of all of them
	replacing *strings.Replacer
}

// Bounds of what is looked for, of which each is looked for in several forms.
const (
	maxCredentials     = 20000
	maxCredentialBytes = 4 << 20
)

// errManySecrets is what no person pasted into requests.
var errManySecrets = fmt.Errorf("the collection has more than %d credentials, or %d MiB of them: export a folder of it", maxCredentials, maxCredentialBytes>>20)

// cleanse replaces every credential of the collection by a variable. given are values
// of variables that are not in it.
func cleanse(c *collection, given map[string]string) error {
	v := &vault{marks: make(map[string]string), replaced: make(map[string]string), private: make(map[string]bool), short: make(map[string]string)}
	v.variables(c.Variable)
	v.auth(c.Auth)
	v.items(c.Item)
	v.referred(variablesOf(c), given)
	if v.size > maxCredentialBytes || len(v.values) > maxCredentials {
		return errManySecrets
	}
	v.everywhere(reflect.ValueOf(c).Elem(), prose)
	return nil
}

// items hides the credentials of requests and folders. Folders are few levels deep:
// flatten has looked.
func (v *vault) items(items []item) {
	for i := range items {
		it := &items[i]
		v.variables(it.Variable)
		v.auth(it.Auth)
		if it.Request != nil {
			v.request(it.Request)
		}
		for _, r := range it.Response {
			v.document([]byte(r.Body), isTokenOf)
		}
		if it.Item != nil {
			v.items(*it.Item)
		}
	}
}

// request hides the credentials of a request.
func (v *vault) request(r *request) {
	v.auth(r.Auth)
	v.address(&r.URL)
	for i := range r.Header {
		h := &r.Header[i]
		if draft.IsPrivate(string(h.Key)) || looksPrivate(string(h.Value)) {
			h.Value = text(v.behindScheme(string(h.Value), string(h.Key)))
		}
	}
	if r.Body != nil {
		v.fields(r.Body.URLEncoded)
		v.document([]byte(r.Body.Raw), isPasswordOf)
		v.raw(&r.Body.Raw)
		if g := r.Body.GraphQL; g != nil {
			v.document([]byte(g.Variables), isPasswordOf)
		}
	}
}

// raw hides the credentials of a body that is no JSON.
func (v *vault) raw(t *text) {
	source := string(*t)
	if json.Valid(asJSON([]byte(source))) {
		return
	}
	var names draft.Names
	names.Take(open(source)...) // Which stay what they are.
	template, samples := draft.HideInText(source, &names)
	pairs := make([]string, 0, 2*len(samples))
	for _, s := range samples {
		var value string
		_ = json.Unmarshal(s.Value, &value) // A text, as it was written.
		pairs = append(pairs, "{{"+s.Input.Var+"}}", v.hide(value, s.Input.Var))
	}
	*t = text(strings.NewReplacer(pairs...).Replace(template))
}

// fields hides the private ones of a query or a form.
func (v *vault) fields(all []param) {
	for i := range all {
		p := &all[i]
		if draft.IsPrivate(string(p.Key)) || looksPrivate(string(p.Value)) {
			encoded := string(p.Value)
			mark := v.hide(encoded, string(p.Key))
			if plain := decoded(encoded); plain != encoded {
				v.remember(plain, mark)
			}
			p.Value = text(mark)
		}
	}
}

// variables notes which of them hold credentials, and takes those away.
func (v *vault) variables(all []param) {
	for i := range all {
		p := &all[i]
		name, value := p.name(), string(p.Value)
		if draft.IsPrivate(name) || p.Type == "secret" || looksPrivate(value) && !strings.HasSuffix(draft.Word(name), "id") {
			v.hide(value, name)
			v.private[name] = true
			p.Value = ""
			continue
		}
		v.inAddress(value)
	}
}

// variablesOf gives all lists of variables of a collection.
func variablesOf(c *collection) [][]param {
	all := [][]param{c.Variable}
	var down func(items []item)
	down = func(items []item) {
		for i := range items {
			if len(items[i].Variable) > 0 {
				all = append(all, items[i].Variable)
			}
			if items[i].Item != nil {
				down(*items[i].Item)
			}
		}
	}
	down(c.Item)
	return all
}

// referred takes the values of variables away that were found to stand where a
// credential does, and of those that stand in these.
func (v *vault) referred(lists [][]param, given map[string]string) {
	for range maxRounds {
		known := len(v.private)
		for _, list := range lists {
			for i := range list {
				if p := &list[i]; p.Value != "" && v.private[p.name()] {
					v.hide(string(p.Value), p.name())
					p.Value = ""
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if v.private[name] || draft.IsPrivate(name) {
				v.hide(given[name], name)
			}
		}
		if len(v.private) == known {
			return
		}
	}
}

// settings are parameters of schemes that have private names and hold no credential.
var settings = []string{"key", "addTokenTo", "addAuthDataToQuery", "tokenName", "tokenType", "headerPrefix", "signatureMethod", "client_authentication", "isSecretBase64Encoded"}

// auth hides the credentials of a scheme. What only says how it works stays.
func (v *vault) auth(a *auth) {
	if a == nil {
		return
	}
	own := map[string][]string{
		"basic": {"username", "password"}, "bearer": {"token"}, "apikey": {"value"},
		"oauth2": {"accessToken", "clientId", "clientSecret", "username", "password", "refreshToken"},
	}[a.Kind]
	for _, key := range slices.Sorted(maps.Keys(a.Params)) {
		value := a.Params[key]
		switch {
		case slices.Contains(own, key):
			what := key
			if key == "value" && a.Params["key"] != "" {
				what = a.Params["key"]
			}
			a.Params[key] = v.behindScheme(value, what)
		case strings.Contains(value, "://"):
			v.inAddress(value)
		case !slices.Contains(settings, key) && draft.IsPrivate(key):
			v.hide(value, key)
		}
	}
}

// user finds user and password in an address.
var user = regexp.MustCompile(`^[^/?#]*://([^/?#@:]*):([^/?#@]*)@`)

// address hides what is private in an address.
func (v *vault) address(a *address) {
	a.split()
	v.inAddress(string(a.Raw))
	v.fields(a.Query)
}

// inAddress hides what is private in the text of an address. In other texts there is
// nothing that it takes for such.
func (v *vault) inAddress(s string) {
	if m := user.FindStringSubmatch(s); m != nil {
		v.hide(m[1], "user")
		v.hide(m[2], "password")
	}
	place, query, _ := strings.Cut(s, "?")
	v.fields(splitQuery(query))
	for segment := range strings.SplitSeq(place, "/") {
		if isPrivateSegment(segment) {
			v.hide(segment, "path")
		}
	}
}

// isPrivateSegment tells a credential in a path.
func isPrivateSegment(s string) bool {
	return draft.LooksPrivate(s) && !isExample(s) && !strings.ContainsAny(s, "{:")
}

// looksPrivate tells values that may be credentials, or addresses that hold one.
func looksPrivate(value string) bool {
	if !strings.Contains(value, "://") {
		return draft.LooksPrivate(value)
	}
	pieces := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("/?&=#", r) })
	return slices.ContainsFunc(pieces, isPrivateSegment)
}

// isPasswordOf tells the credentials of a document that is sent.
func isPasswordOf(private bool, value string) bool { return private || looksPrivate(value) }

// isTokenOf tells those of an answer, whose members have private names for other
// reasons, too.
func isTokenOf(private bool, value string) bool { return private && looksPrivate(value) }

// document hides the credentials of a JSON document.
func (v *vault) document(data []byte, is func(private bool, value string) bool) {
	var root any
	if json.Unmarshal(asJSON(data), &root) == nil {
		v.members("", root, is)
	}
}

// members hides the credentials in the value of the member of that name.
func (v *vault) members(name string, value any, is func(private bool, value string) bool) {
	switch value := value.(type) {
	case map[string]any:
		for _, inner := range slices.Sorted(maps.Keys(value)) { // The same names each time.
			v.members(inner, value[inner], is)
		}
	case []any:
		for _, inner := range value {
			v.members(name, inner, is)
		}
	case string:
		if is(draft.IsPrivate(name), value) {
			v.hide(value, name)
		}
	}
}

// scheme is what stands before a credential in a header.
var scheme = regexp.MustCompile(`^(?i:bearer|basic|token|apikey|api-key|key|digest|bot|jwt|oauth|splunk|zoho-oauthtoken|geniekey|klaviyo-api-key|ssws)(?: +token=| +|=)`)

// behindScheme hides a credential, but for the word before it.
func (v *vault) behindScheme(value, what string) string {
	word := scheme.FindString(value)
	return word + v.hide(value[len(word):], what)
}

// hide gives the variable for a credential, and remembers what to look for.
func (v *vault) hide(value, what string) string {
	if value == "" {
		return ""
	}
	if name, is := whole(value); is {
		v.private[name] = true
		return value
	}
	if mark, found := v.marks[value]; found {
		return mark
	}
	for _, name := range open(value) {
		v.private[name] = true
	}
	mark := "{{" + secretMark + v.names.Of(what, "secret") + "}}"
	v.marks[value] = mark
	for _, piece := range reference.Split(value, -1) {
		v.remember(piece, mark)
		if len(piece) >= minShort && len(piece) < minHidden && !userName.MatchString(draft.Word(what)) && piece != "true" && piece != "false" && piece != "null" {
			v.short[piece], v.begins[piece[0]] = mark, true
		}
	}
	return mark
}

// userName are names of what says who one is, and proves nothing: a short one may be
// a word, such as user.
var userName = regexp.MustCompile(`(?:^|_)(?:user|username|user_name|login|email|client_id)$`)

// remember has a text looked for everywhere, if it is long enough.
func (v *vault) remember(value, mark string) {
	if _, known := v.replaced[value]; len(value) >= minHidden && !known && strings.Contains(mark, secretMark) {
		v.values = append(v.values, value)
		v.size += len(value)
		v.replaced[value] = mark
	}
}
