package draft

import "github.com/signpost-gateway/signpost/policy"

// inject writes a credential.
func (p *page) inject(in *policy.Inject) {
	head := words("inject", in.As)
	switch in.As {
	case "jwt":
		p.block(head, func() { p.jwt(in.JWT) })
	case "oauth2":
		p.block(head, func() { p.oauth2(in.OAuth2) })
	case "bearer":
		p.line(append(head, text(in.Value))...)
	default:
		p.line(append(head, text(in.Name), text(in.Value))...)
	}
}

func (p *page) jwt(j *policy.JWT) {
	p.line(word("key"), text(j.Key))
	p.line(word("alg"), text(j.Algorithm))
	p.optional("kid", j.KeyID)
	for _, c := range j.Claims {
		p.line(word("claim"), text(c.Name), value(c.Value))
	}
	p.duration("ttl", j.TTL)
	if j.Header != "" {
		p.line(word("as"), word("header"), text(j.Header))
	}
}

func (p *page) oauth2(o *policy.OAuth2) {
	p.line(word("token_url"), text(o.TokenURL))
	p.line(word("client_id"), text(o.ClientID))
	p.line(word("client_secret"), text(o.ClientSecret))
	if len(o.Scopes) > 0 {
		p.line(append(words("scopes"), texts(o.Scopes)...)...)
	}
	p.optional("auth", o.Auth)
	for _, f := range o.Params {
		p.line(word("param"), text(f.Name), text(f.Value))
	}
}
