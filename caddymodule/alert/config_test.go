package alert

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

func TestCheckFindsAllMistakes(t *testing.T) {
	good := SMTP{Server: "mail.example.com:587", From: "signpost@example.com"}
	with := func(change func(*SMTP)) *Config {
		s := good
		s.Places = policy.Places{"smtp": {File: "Caddyfile", Line: 4}, "from": {File: "Caddyfile", Line: 5}}
		change(&s)
		return &Config{SMTP: &s}
	}
	hook := func(url string) *Config {
		return &Config{Webhook: url, Places: policy.Places{"webhook": {File: "Caddyfile", Line: 9}}}
	}
	eleven := make([]string, maxRecipients+1)
	for i := range eleven {
		eleven[i] = string(rune('a'+i)) + "@example.com"
	}
	const noURL = "Caddyfile:9: alerts: webhook: expected an http or https URL"
	for name, c := range map[string]struct {
		config     *Config
		recipients map[string][]string
		want       []string
	}{
		"nothing":              {},
		"no recipients":        {recipients: map[string][]string{"store": nil}},
		"a server":             {config: &Config{SMTP: &good}, recipients: map[string][]string{"store": eleven[:10]}},
		"an IPv6 server":       {config: with(func(s *SMTP) { s.Server = "[::1]:25" })},
		"a name":               {config: with(func(s *SMTP) { s.From = "Signpost Ä <signpost@example.com>" })},
		"secrets":              {config: with(func(s *SMTP) { s.Username, s.Password = "{secret.u}", "{secret.p}" })},
		"webhook":              {config: hook("https://hooks.example.com/services/T0/B0/x?y=1")},
		"webhook of a secret":  {config: hook("{secret.slack}")},
		"webhook with a token": {config: hook("https://hooks.example.com/{secret.slack}")},
		"webhook on loopback":  {config: hook("HTTP://127.0.0.1:8080")},

		"no server": {
			recipients: map[string][]string{"store": {"ann@example.com"}},
			want:       []string{"policy store: alert: alert needs alerts { smtp … }"},
		},
		"webhook alone": {
			config:     hook("https://hooks.example.com/"),
			recipients: map[string][]string{"store": {"ann@example.com"}},
			want:       []string{"policy store: alert: alert needs alerts { smtp … }"},
		},
		"too many": {
			config: &Config{SMTP: &good}, recipients: map[string][]string{"store": eleven},
			want: []string{"policy store: alert: 11 addresses: expected at most 10"},
		},
		"addresses": {
			config: &Config{SMTP: &good},
			recipients: map[string][]string{
				"store": {"ann", "Ann <ann@example.com>", "ANN@example.com"},
				"crm":   {"eve@example.com\r\nBcc: all@example.com"},
			},
			want: []string{
				`policy crm: alert: the address "eve@example.com\r\nBcc: all@example.com" holds a control character`,
				`policy store: alert: "ann" is not a mail address: expected name@example.com`,
				`policy store: alert: ANN@example.com is there twice`,
			},
		},
		"server without a port": {
			config: with(func(s *SMTP) { s.Server = "mail.example.com" }),
			want:   []string{`Caddyfile:4: alerts: smtp: "mail.example.com" is not a server: expected host:port, such as mail.example.com:587`},
		},
		"server with a scheme": {
			config: with(func(s *SMTP) { s.Server = "smtp://mail.example.com:25" }),
			want:   []string{`Caddyfile:4: alerts: smtp: "smtp://mail.example.com:25" is not a server: expected host:port, such as mail.example.com:587`},
		},
		"server with a line break": {
			config: with(func(s *SMTP) { s.Server = "mail\r\nx:25" }),
			want:   []string{`Caddyfile:4: alerts: smtp: "mail\r\nx:25" is not a server: expected host:port, such as mail.example.com:587`},
		},
		"a port too high": {
			config: with(func(s *SMTP) { s.Server = "mail.example.com:70000" }),
			want:   []string{`Caddyfile:4: alerts: smtp: "70000" is not a port: expected 1 to 65535`},
		},
		"no sender": {
			config: with(func(s *SMTP) { s.From = "" }),
			want:   []string{"Caddyfile:4: alerts: smtp: from is missing: expected from <address>"},
		},
		"a bad sender, half of the credentials and a tenant's": {
			config: with(func(s *SMTP) { s.From, s.Password = "signpost", "{tenant_secret.p}" }),
			want: []string{
				`Caddyfile:5: alerts: smtp: from: "signpost" is not a mail address: expected name@example.com`,
				"Caddyfile:4: alerts: smtp: username and password belong together: expected both or none",
				"Caddyfile:4: alerts: smtp: password: {tenant_secret.p} belongs to a tenant: expected a shared one, {secret.p}",
			},
		},
		"ftp":            {config: hook("ftp://hooks.example.com/"), want: []string{noURL}},
		"no host":        {config: hook("https:///x"), want: []string{noURL}},
		"no scheme":      {config: hook("hooks.example.com/{secret.x}"), want: []string{noURL}},
		"blank":          {config: hook("https://hooks example.com/sesame"), want: []string{noURL}},
		"a lone brace":   {config: hook("https://hooks.example.com/}"), want: []string{`Caddyfile:9: alerts: webhook: lone '}' at byte 27: braces may only stand around a placeholder, {secret.NAME} or {tenant_secret.NAME}`}},
		"tenant webhook": {config: hook("{tenant_secret.x}"), want: []string{"Caddyfile:9: alerts: webhook: {tenant_secret.x} belongs to a tenant: expected a shared one, {secret.x}"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, m := range Check(c.config, c.recipients) {
				got = append(got, m.Error())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			_, err := New(Options{Config: c.config, Recipients: c.recipients, Book: NewBook()})
			if mistakes, some := errors.AsType[policy.Mistakes](err); some != (len(c.want) > 0) || len(mistakes) != len(c.want) {
				t.Errorf("New gives %v", err)
			}
		})
	}
}

func TestTheConfigurationInJSONHoldsTemplatesAndNoPlaces(t *testing.T) {
	text := `{"smtp":{"server":"mail.example.com:587","from":"a@example.com","username":"bot","password":"{secret.mail}"},"webhook":"{secret.hook}"}`
	var c Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	c.Places = policy.Places{"alerts": {File: "Caddyfile", Line: 1}}
	if got, err := json.Marshal(c); err != nil || string(got) != text {
		t.Errorf("got %s, %v", got, err)
	}
	if got := c.Templates(); !slices.Equal(got, []string{"{secret.hook}", "bot", "{secret.mail}"}) {
		t.Errorf("got %q", got)
	}
	if got := (*Config)(nil).Templates(); got != nil {
		t.Errorf("got %q for no configuration", got)
	}
}

func FuzzAnAddressThatIsReadStandsOnOneLine(f *testing.F) {
	for _, seed := range []string{"a@example.com", "A <a@example.com>", "\"a b\"@example.com", "a@b\r\nc", "=?utf-8?q?a=0d=0ab?= <a@b>", "ä@example.com", "a@[127.0.0.1]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAddress(text)
		if err != nil {
			return
		}
		if got := enveloped(a.Address); strings.ContainsAny(got, "\r\n\x00") || !strings.HasPrefix(got, "<") || !strings.HasSuffix(got, ">") {
			t.Errorf("%q becomes %q", text, got)
		}
		if got := a.String(); strings.ContainsAny(got, "\r\n\x00") {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
