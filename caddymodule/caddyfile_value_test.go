package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/signpost-gateway/signpost/policy"
)

func TestShorthandsOfTheTenantAreWrittenOutInTheGlobalOption(t *testing.T) {
	for short, want := range map[string]string{
		"{header.X-Bot}":      "{http.request.header.X-Bot}",
		"{query.bot}":         "{http.request.uri.query.bot}",
		"{cookie.bot}":        "{http.request.cookie.bot}",
		"{path.1}":            "{http.request.uri.path.1}",
		"{labels.2}":          "{http.request.host.labels.2}",
		"{host}":              "{http.request.host}",
		"{remote_host}":       "{http.request.remote.host}",
		"{client_ip}":         "{http.vars.client_ip}",
		"{vars.bot}":          "{http.vars.bot}",
		"{file.base}":         "{http.request.uri.path.file.base}",
		"{http.auth.user.id}": "{http.auth.user.id}",
		"{tenant_of_map}":     "{tenant_of_map}",
	} {
		c, err := parseGlobal(caddyfile.NewTestDispenser("signpost {\ntenant " + short + "\n}"))
		if err != nil || c.Tenant.Placeholder != want {
			t.Errorf("tenant %s: got %+v and error %v, want %s", short, c, err, want)
		}
	}
}

func TestATenantThatIsNotOfTheCallIsRefused(t *testing.T) {
	for _, source := range []TenantSource{
		{},
		{Header: "X-Bot", Placeholder: "{http.request.host}"},
		{Header: "X Bot"}, {Header: "X_Bot"}, {Header: "X.Bot"}, {Header: "host"}, {Header: "X-Böt"},
		{Placeholder: "acme"}, {Placeholder: "{a}{b}"}, {Placeholder: "{}"}, {Placeholder: "{a b}"},
		{Placeholder: "{env.TENANT}"}, {Placeholder: "{file./run/tenant}"}, {Placeholder: "{file.tenant}"},
		{Placeholder: "{system.hostname}"}, {Placeholder: "{time.now}"}, {Placeholder: "{$TENANT}"},
	} {
		if err := checkTenant(source); err == nil {
			t.Errorf("%+v: got no error", source)
		}
	}
}

// refusedTransports has a setting in JSON and as a line for each refusal.
var refusedTransports = map[string][2]string{
	"proxy_protocol":      {`{"proxy_protocol":"v2"}`, "proxy_protocol v2"},
	"forward_proxy_url":   {`{"forward_proxy_url":"http://p"}`, ""},
	"network_proxy":       {`{"network_proxy":{"from":"none"}}`, "network_proxy none"},
	"versions":            {`{"versions":["3"]}`, "versions 4"},
	"tls_server_name":     {`{"tls":{"server_name":"{http.request.host}"}}`, "tls_server_name {http.request.host}"},
	"tls_except_ports":    {`{"tls":{"except_ports":["80"]}}`, "tls_except_ports 80"},
	"local_address":       {`{"local_address":"127.0.0.1"}`, "local_address 127.0.0.1"},
	"resolvers":           {`{"resolver":{"addresses":["1.1.1.1"]}}`, "resolvers 1.1.1.1"},
	"dial_fallback_delay": {`{"dial_fallback_delay":1}`, "dial_fallback_delay 1s"},
	"keepalive_interval":  {`{"keep_alive":{"probe_interval":1}}`, "keepalive_interval 1s"},
	"read_timeout":        {`{"read_timeout":1}`, "read_timeout 1s"},
	"write_timeout":       {`{"write_timeout":1}`, "write_timeout 1s"},
}

func TestATransportThatLeadsAroundTheDialGuardIsRefusedInJSONAndInACaddyfile(t *testing.T) {
	for _, r := range transportRefusals {
		c, found := refusedTransports[r.word]
		if !found {
			t.Errorf("the refusal of %s has no case", r.word)
			continue
		}
		if err := checkTransport(json.RawMessage(c[0])); err == nil || !strings.Contains(err.Error(), "refusing "+r.word) {
			t.Errorf("%s: got %v, want it refused", c[0], err)
		}
		odd := strings.ToUpper(c[0][:4]) + c[0][4:]
		if err := checkTransport(json.RawMessage(odd)); err == nil {
			t.Errorf("%s: got no error, want it refused however it is spelled", odd)
		}
		if c[1] == "" {
			continue
		}
		if got := blocks["policy"].said("transport {\n" + c[1] + "\n}"); !strings.Contains(got, ":4: policy store: transport: refusing "+r.word) {
			t.Errorf("transport with %s: got %q, want it refused in line 4", c[1], got)
		}
	}
}

func TestAHarmlessTransportIsKeptAsItIs(t *testing.T) {
	for _, raw := range []string{
		``, `{}`, `{"dial_timeout":1000000000,"versions":["1.1","2"]}`, `{"versions":["h2c"]}`,
		`{"tls":{"insecure_skip_verify":true,"server_name":"api.internal"}}`, `{"compression":false}`,
	} {
		if err := checkTransport(json.RawMessage(raw)); err != nil {
			t.Errorf("%s: got %v, want no error", raw, err)
		}
	}
	for _, raw := range []string{`{"protocol":"http"}`, `{"protocol":"fastcgi"}`, `[]`, `{"dial_timeot":1}`} {
		if err := checkTransport(json.RawMessage(raw)); err == nil {
			t.Errorf("%s: got no error", raw)
		}
	}
}

func TestAllThatIsWrongWithATransportIsToldAtOnce(t *testing.T) {
	err := checkTransport(json.RawMessage(`{"read_timeout":1,"local_address":"::1","versions":["3"]}`))
	for _, word := range []string{"read_timeout", "local_address", "versions"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("got %v, want %s in it", err, word)
		}
	}
}

func TestALineThatCouldNotBeReadIsNotComplainedOfTwice(t *testing.T) {
	s := newScope()
	faulty := policy.Place{File: "Caddyfile", Line: 3}
	s.in("timeout").wrong(faulty, "is bad")
	s.check(policy.Mistakes{
		{Place: faulty, Text: "is missing"},
		{Place: policy.Place{File: "Caddyfile", Line: 2}, Text: "is alone"},
		{Text: "is nowhere"},
	})
	want := "Caddyfile:2: is alone\nCaddyfile:3: timeout: is bad\nis nowhere"
	if got := s.err().Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAWordIsSuggestedOnlyWhereItIsNear(t *testing.T) {
	if got := newScope().unknown("peak", []string{"peek", "hint"}); !strings.HasSuffix(got, "did you mean peek?") {
		t.Errorf("got %q, want the suggestion peek", got)
	}
	if got := newScope().unknown("zzz", []string{"peek", "hint"}); strings.Contains(got, "did you mean") {
		t.Errorf("got %q, want no suggestion", got)
	}
}

func TestBlocksThatNestWithoutEndAreRefused(t *testing.T) {
	deep := "signpost {\n" + strings.Repeat("a {\n", 100) + strings.Repeat("}\n", 101)
	_, err := parseGlobal(caddyfile.NewTestDispenser(deep))
	if err == nil || !strings.Contains(err.Error(), "blocks nest more than 16 deep") {
		t.Errorf("got %v, want a bound on the depth", err)
	}
}

// FuzzCaddyfile feeds tokens to the parser in any shape. It goes past Caddy's
// own parser, which would follow imports into the file system.
func FuzzCaddyfile(f *testing.F) {
	for name, b := range blocks {
		for word := range b.forms {
			c, _, _ := caseOf(name, word)
			f.Add(b.with(c.good(word)))
			for args := range c.bad {
				f.Add(b.with(word + " " + args))
			}
		}
	}
	f.Add("signpost {\n}\n} x {\n{{ }}\n")
	f.Fuzz(func(t *testing.T, input string) {
		tokens, err := caddyfile.Tokenize([]byte(input), "Caddyfile")
		if err != nil || len(tokens) == 0 {
			return
		}
		config, err := parseGlobal(caddyfile.NewDispenser(tokens))
		if err != nil {
			var mistakes policy.Mistakes
			if !errors.As(err, &mistakes) || len(mistakes) == 0 {
				t.Fatalf("%q: got %v, want mistakes", input, err)
			}
			return
		}
		written, err := json.Marshal(config)
		if err != nil {
			t.Fatalf("%q: %v", input, err)
		}
		var read Config
		strict := json.NewDecoder(bytes.NewReader(written))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&read); err != nil {
			t.Fatalf("%q: reading %s: %v", input, written, err)
		}
		again, err := json.Marshal(read)
		if err != nil || !bytes.Equal(again, written) {
			t.Fatalf("%q: got %s after %s, error %v", input, again, written, err)
		}
	})
}

// FuzzStringsOfAnExpressionSurviveTheLexer holds the parser against Caddy's
// lexer, which takes quotes and backslashes away.
func FuzzStringsOfAnExpressionSurviveTheLexer(f *testing.F) {
	for _, s := range []string{"", "a", "a  b", `"`, `\`, `\"`, `a\\"b`, "{", "}", "# no comment", "ä", "\n", "`"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := "vars.a == " + strconv.Quote(s) + " and ok"
		tokens, err := caddyfile.Tokenize([]byte("hint r "+want), "Caddyfile")
		if err != nil {
			t.Fatal(err)
		}
		report := newScope()
		l := readSegment(caddyfile.NewDispenser(tokens), report)
		if got := report.expression(l, 1); got != want || report.err() != nil {
			t.Errorf("got %s and %v, want %s", got, report.err(), want)
		}
	})
}

func BenchmarkParsingAPolicy(b *testing.B) {
	tokens, err := caddyfile.Tokenize([]byte(`signpost {
	policy store https://api.store.example/v2 {
		timeout 4s
		operation order_status GET "/orders/{{order_number}}" {
			extract status $.order.status
			hint shipped vars.status == "shipped"
			hint not_found status == 404
		}
	}
}`), "Caddyfile")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseGlobal(caddyfile.NewDispenser(tokens)); err != nil {
			b.Fatal(err)
		}
	}
}
