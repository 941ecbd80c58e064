package caddymodule

import (
	"encoding/json"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// injectUsage is the grammar of `inject`.
const injectUsage = "inject header|query <name> <value>, inject bearer <value>, inject basic <user> <value>, inject jwt { … } or inject oauth2 { … }"

// Forms of the injections that are made of a block.
var (
	jwtForm = form{
		usage: "inject jwt { key <secret>; alg <name>; kid <id>; claim <name> <json>; ttl <duration>; as header <Name>|bearer }",
		min:   1, max: 1, block: mustBlock,
	}
	oauth2Form = form{
		usage: "inject oauth2 { token_url <url>; client_id <value>; client_secret <value>; scopes <scope…>; auth header|body; param <name> <value> }",
		min:   1, max: 1, block: mustBlock,
	}
)

// jwtWords are the subdirectives of `inject jwt`.
var jwtWords = words[policy.JWT]{
	"key": {
		form{usage: "key <secret>", min: 1, max: 1},
		setText(func(j *policy.JWT) *string { return &j.Key }),
	},
	"alg": {
		form{usage: "alg RS256|ES256|EdDSA|HS256", min: 1, max: 1},
		setText(func(j *policy.JWT) *string { return &j.Algorithm }),
	},
	"kid": {
		form{usage: "kid <id>", min: 1, max: 1},
		setText(func(j *policy.JWT) *string { return &j.KeyID }),
	},
	"claim": {form{usage: "claim <name> <json>", min: 2, max: 2, many: true}, readClaim},
	"ttl": {
		form{usage: "ttl <duration>", min: 1, max: 1},
		setDuration(func(j *policy.JWT) *policy.Duration { return &j.TTL }),
	},
	"as": {form{usage: "as header <Name> or as bearer", min: 1, max: 2}, readTokenPlace},
}

// oauth2Words are the subdirectives of `inject oauth2`.
var oauth2Words = words[policy.OAuth2]{
	"token_url": {
		form{usage: "token_url <url>", min: 1, max: 1},
		setText(func(o *policy.OAuth2) *string { return &o.TokenURL }),
	},
	"client_id": {
		form{usage: "client_id <value>", min: 1, max: 1},
		setText(func(o *policy.OAuth2) *string { return &o.ClientID }),
	},
	"client_secret": {
		form{usage: "client_secret <value>", min: 1, max: 1},
		setText(func(o *policy.OAuth2) *string { return &o.ClientSecret }),
	},
	"scopes": {
		form{usage: "scopes <scope…>", min: 1, max: anyNumber},
		func(_ scope, l *line, o *policy.OAuth2) { o.Scopes = l.texts(0) },
	},
	"auth": {
		form{usage: "auth header|body", min: 1, max: 1},
		func(s scope, l *line, o *policy.OAuth2) { o.Auth = s.oneOf(l, 0, "header", "body") },
	},
	"param": {
		form{usage: "param <name> <value>", min: 2, max: 2, many: true},
		addField(func(o *policy.OAuth2) *[]policy.Field { return &o.Params }),
	},
}

func readInject(s scope, l *line, p *policy.PolicySpec) {
	in := policy.Inject{As: l.arg(0), Place: l.place}
	switch n := len(l.args); {
	case in.As == "jwt":
		in.JWT = readJWT(s.called(in.As), l)
	case in.As == "oauth2":
		in.OAuth2 = readOAuth2(s.called(in.As), l)
	case l.tornLine() != nil:
		s.wrong(l.tornLine().place, "%s", tornText)
		return
	case l.braces:
		s.wrong(l.place, "takes no block here: expected %s", injectUsage)
		return
	case in.As == "bearer" && n == 2:
		in.Value = l.arg(1)
	case (in.As == "header" || in.As == "query" || in.As == "basic") && n == 3:
		in.Name, in.Value = l.arg(1), l.arg(2)
	default:
		// The arguments are not repeated: they may hold a credential.
		s.wrong(l.place, "no such injection with that many arguments: expected %s", injectUsage)
		return
	}
	p.Inject = append(p.Inject, in)
}

func readJWT(s scope, l *line) *policy.JWT {
	j := &policy.JWT{Places: policy.Places{"jwt": l.place}}
	shaped := jwtForm.fits(s, l)
	readBlock(s, l.block, jwtWords, j, j.Places)
	if shaped {
		s.needs(l, jwtForm, j.Places, "key", "alg")
	}
	return j
}

func readOAuth2(s scope, l *line) *policy.OAuth2 {
	o := &policy.OAuth2{Places: policy.Places{"oauth2": l.place}}
	shaped := oauth2Form.fits(s, l)
	readBlock(s, l.block, oauth2Words, o, o.Places)
	if shaped {
		s.needs(l, oauth2Form, o.Places, "token_url", "client_id", "client_secret")
	}
	return o
}

// needs reports the words that must stand in a block and do not.
func (s scope) needs(l *line, f form, places policy.Places, names ...string) {
	var missing []string
	for _, name := range names {
		if _, stands := places[name]; !stands {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		s.wrong(l.place, "lacks %s: expected %s", strings.Join(missing, ", "), f.usage)
	}
}

// readClaim takes what is not JSON for text, so that `claim iss {secret.issuer}`
// needs no quotes; only in backticks and heredocs JSON is a must.
func readClaim(s scope, l *line, j *policy.JWT) {
	value, err := literal(l.args[1])
	switch {
	case err == nil:
	case l.args[1].quote != 0:
		// The JSON error would repeat a part of the value.
		s.wrong(l.place, "the value is not JSON: expected JSON, or double quotes around text")
		return
	default:
		value, _ = json.Marshal(l.args[1].text) // A string always has a JSON form.
	}
	j.Claims = append(j.Claims, policy.Claim{Name: l.args[0].text, Value: value, Place: l.place})
}

// readTokenPlace reads `as header <Name>` or `as bearer`, the default.
func readTokenPlace(s scope, l *line, j *policy.JWT) {
	switch {
	case l.arg(0) == "header" && len(l.args) == 2:
		j.Header = l.arg(1)
	case l.arg(0) != "bearer" || len(l.args) != 1:
		s.wrong(l.place, "expected as header <Name> or as bearer")
	}
}
