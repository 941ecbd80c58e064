package command_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	_ "github.com/signpost-gateway/signpost/caddymodule" // Reads Caddyfiles.
)

// meaning are pieces of texts that mean something to Caddy, to its formatter, or to
// the reader of the `signpost` block.
var meaning = []string{
	"{secret.x}", "{tenant_secret.x}", "{tenant.x}", "{env.HOME}", "{$HOME}", "{args[0]}", "{block}", "{{x}}", "{{", "}}", "{", "}", "import", "default", "required", "off",
	"#", "<<END", "`", `"`, `\`, " ", "@", "$", "(", ")", "[", "]", ",", ":", "a", "x y", "é", "string", "in", "form", "json", "text", "operation", "input", "\t", "\n",
}

// anyMeaning joins some of them.
func anyMeaning(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(3) {
		b.WriteString(meaning[r.IntN(len(meaning))])
	}
	return b.String()
}

// loads reads a Caddyfile as the server does.
func loads(t *testing.T, text string) error {
	t.Helper()
	adapter := caddyconfig.GetAdapter("caddyfile")
	if adapter == nil {
		t.Fatal("there is no adapter for Caddyfiles")
	}
	_, _, err := adapter.Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	return err
}

// inQuotes quotes a word for bash.
func inQuotes(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func TestWhateverACurlCommandIsMadeOfLoads(t *testing.T) {
	r := rand.New(rand.NewPCG(3, uint64(rand.Int64())))
	var texts []string
	texts = append(texts, meaning...)
	for range 40 {
		texts = append(texts, anyMeaning(r))
	}
	taken, tried := 0, 0
	for _, s := range texts {
		escaped := url.QueryEscape(s)
		for _, option := range []string{
			"-d " + inQuotes(escaped+"=1"), "-d " + inQuotes("a="+escaped), "-d " + inQuotes(escaped+"="), "--json " + inQuotes(fmt.Sprintf("{%q:1,%q:null}", s, "x"+s)),
			"-H 'Content-Type: text/plain' -d " + inQuotes(s), "-H " + inQuotes("X-A: "+s), "-G -d " + inQuotes(escaped+"=x"), "-G -d " + inQuotes("x="+escaped),
			"--url " + inQuotes("https://a.example/"+url.PathEscape(s)+"/7"), "-X PUT --url " + inQuotes("https://a.example/x?"+escaped+"=1"), "-u " + inQuotes(s+":"+s), "-m 20 -A " + inQuotes(s),
		} {
			command := "curl " + option
			if !strings.Contains(option, "--url") {
				command += " https://a.example/x"
			}
			tried++
			status, text, complaints := imported("", "curl", command, "--whole")
			if status != 0 {
				if text != "" {
					t.Errorf("%s: refused with %s, and printed\n%s", command, complaints, text)
				}
				continue
			}
			taken++
			if err := loads(t, text); err != nil {
				t.Errorf("%s: loading gave %v, of\n%s", command, err, text)
			}
		}
	}
	t.Logf("%d of %d commands were taken", taken, tried)
	if taken < tried/3 {
		t.Errorf("%d of %d commands were taken: expected far more", taken, tried)
	}
}
