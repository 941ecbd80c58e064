package postman

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
)

// minHidden is how long a credential must be, in bytes, to be looked for in all other
// places: shorter texts are words that stand everywhere.
const minHidden = 8

// vault knows the credentials of a collection by variables of its own. Of what it
// has seen, no text that comes after it holds more than the variables.
type vault struct {
	marks     map[string]string // {{secret:…}} by what stood in the place of a credential
	replaced  map[string]string // the same by what is looked for
	private   map[string]bool   // the collection's variables that hold credentials
	names     draft.Names
	values    []string // to look for, in the order in which they were met
	size      int      // of all of them
	replacing *strings.Replacer
}

// Bounds of what is looked for, of which each is looked for in several forms.
const (
	maxCredentials     = 20000
	maxCredentialBytes = 4 << 20
)

// errManySecrets is what no person pasted into requests.
var errManySecrets = fmt.Errorf("the collection has more than %d credentials, or %d MiB of them: export a folder of it", maxCredentials, maxCredentialBytes>>20)

// cleanse replaces every credential of the collection by a variable.
func cleanse(c *collection) error {
	v := &vault{marks: make(map[string]string), replaced: make(map[string]string), private: make(map[string]bool)}
	v.variables(c.Variable)
	v.auth(c.Auth)
	v.items(c.Item)
	if v.size > maxCredentialBytes || len(v.values) > maxCredentials {
		return errManySecrets
	}
	v.everywhere(reflect.ValueOf(c).Elem())
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
		if g := r.Body.GraphQL; g != nil {
			v.document([]byte(g.Variables), isPasswordOf)
		}
	}
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
	}
	return mark
}

// remember has a text looked for everywhere, if it is long enough.
func (v *vault) remember(value, mark string) {
	if _, known := v.replaced[value]; len(value) >= minHidden && !known && strings.Contains(mark, secretMark) {
		v.values = append(v.values, value)
		v.size += len(value)
		v.replaced[value] = mark
	}
}

// everywhere replaces what was hidden in every text of a value.
func (v *vault) everywhere(at reflect.Value) {
	switch at.Kind() {
	case reflect.String:
		if at.CanSet() && at.Len() > 0 {
			at.SetString(v.clean(at.String()))
		}
	case reflect.Pointer:
		if !at.IsNil() {
			v.everywhere(at.Elem())
		}
	case reflect.Struct:
		for i := range at.NumField() {
			v.everywhere(at.Field(i))
		}
	case reflect.Map:
		for _, key := range at.MapKeys() {
			at.SetMapIndex(key, reflect.ValueOf(v.clean(at.MapIndex(key).String())))
		}
	case reflect.Slice:
		if at.Type().Elem().Kind() == reflect.Uint8 {
			return // JSON of which nothing is taken over.
		}
		for i := range at.Len() {
			v.everywhere(at.Index(i))
		}
	}
}

// clean replaces what was hidden in a text: credentials, also as they stand in a URL,
// in JSON and in base64, and the variables that hold them.
func (v *vault) clean(s string) string {
	if v.replacing == nil {
		v.replacing = v.replacer()
	}
	s = v.replacing.Replace(s)
	return reference.ReplaceAllStringFunc(s, func(ref string) string {
		if name, _ := whole(ref); v.private[name] {
			return "{{" + secretMark + name + "}}"
		}
		return ref
	})
}

// replacer looks for the longest credentials first, since one may be a part of
// another.
func (v *vault) replacer() *strings.Replacer {
	slices.SortStableFunc(v.values, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(v.values))
	for _, value := range v.values {
		quoted, _ := json.Marshal(value) // A text always has JSON.
		start := len(pairs)
		for _, form := range []string{
			value, url.QueryEscape(value), url.PathEscape(value), string(quoted[1 : len(quoted)-1]),
			base64.StdEncoding.EncodeToString([]byte(value)),
		} {
			if !slices.Contains(pairs[start:], form) {
				pairs = append(pairs, form, v.replaced[value])
			}
		}
	}
	return strings.NewReplacer(pairs...)
}
