package lint_test

import (
	"strings"
	"testing"
)

// operation is a policy, without a finding of its own, with an operation of further
// lines, which begin on line 7.
func operation(lines ...string) string {
	return in("operation order GET \"/orders/{{id}}\" {", "\t"+strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\n\t"), "}")
}

// whole is a configuration of global lines, which begin on line 3, and a policy
// without a finding of its own.
func whole(lines ...string) string {
	return "{\n\tsignpost {\n\t\t" + strings.Join(lines, "\n\t\t") + "\n\t\t" + strings.ReplaceAll(strings.TrimSpace(in()), "\n", "\n\t\t") + "\n\t}\n}\n"
}

func TestFindingsAreWhatIsUnwiseAndNothingElse(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", in(), ""},

		{"a hint of the policy that no operation reaches",
			in(`hint gone status == 404`, `operation a GET /a {`, "\thint none status in [404, 410]", `}`, `operations_only`), "6:unreachable-hint"},
		{"a hint of the policy that one operation reaches",
			in(`hint gone status == 404`, `operation a GET /a {`, "\thint none status in [404, 410]", `}`, `operation b GET /b`, `operations_only`), ""},
		{"a hint of the policy that other calls reach",
			in(`hint gone status == 404`, `operation a GET /a {`, "\thint none status in [404, 410]", `}`), ""},
		{"a hint that never holds", operation(`hint late outcome == "timed_out"`), "7:unreachable-hint"},
		{"a hint for the other method", operation(`hint late request.method == "POST"`), "7:unreachable-hint"},
		{"a hint behind several", operation(`hint a answered`, `hint b not answered`, `hint c latency_ms > 100`), "9:unreachable-hint"},
		{"a hint for everything, and one behind it", operation(`hint a true`, `hint b ok`), "7:always-true-hint 8:unreachable-hint"},
		{"a hint for everything that the policy has", in(`hint a true`), "6:always-true-hint"},

		{"a success that always holds", operation(`success status < 300`), "7:constant-condition"},
		{"a success that never holds", operation(`success status == 404`), "7:constant-condition"},
		{"a success that reads", operation(`success body.ok == true`), ""},
		{"a success of the policy", in(`success status < 300`), "6:constant-condition"},
		{"a success of the policy that operations replace", in(`success status < 300`, `operations_only`, `operation a GET /a {`, "\tsuccess body.ok", `}`), ""},
		{"a retry after everything", in(`retry 1 {`, "\ton status >= 0", `}`), "7:constant-condition"},
		{"a fallback that never holds", in(`fallback outcome == "gone" {`, "\troute a", `}`), "6:constant-condition"},
		{"a fallback behind the usual one", in(`fallback outcome == "timeout" {`, "\troute a", `}`), "6:constant-condition"},
		{"a fallback for good answers", operation(`fallback status < 400 {`, "\trespond 200 hello", `}`), "7:constant-condition"},
		{"a fallback that only names a route", operation(`fallback status < 400 {`, "\troute a", `}`), ""},
		{"a fallback for some", operation(`fallback status == 404 {`, "\troute a", `}`), ""},

		{"an extract that a fallback reads", in(`extract eta $.eta`, `fallback status == 404 {`, "\trespond 200 \"{{vars.eta}}\"", `}`), ""},
		{"an extract that a success reads", operation(`extract done $.ok`, `success vars.done`), ""},
		{"an extract that all operations replace", in(`operations_only`, `extract eta $.eta`, `operation a GET /a {`, "\textract eta $.b", "\thint a vars.eta == 1", `}`), "7:unread-extract"},
		{"an extract that nobody reads", operation(`extract eta $.eta`), "7:unread-extract/note"},

		{"a failure of one operation", "policy a https://a.example {\n\ttimeout 4s\n\toperations_only\n\toperation b GET /b {\n\t\totherwise x\n\t}\n\toperation c GET /c\n}\n", "7:unplanned-failure"},
		{"failures of all", "policy a https://a.example {\n\ttimeout 4s\n\toperation b GET /b\n\toperation c GET /c\n}\n", "1:unplanned-failure"},
		{"failures of all operations", "policy a https://a.example {\n\ttimeout 4s\n\toperations_only\n\toperation b GET /b\n\toperation c GET /c\n}\n", "1:unplanned-failure"},
		{"failures of many operations", "policy a https://a.example {\n\ttimeout 4s\n\toperations_only\n\toperation b GET /b {\n\t\totherwise x\n\t}\n\toperation c GET /c\n\toperation d GET /d\n\toperation e GET /e\n\toperation f GET /f\n}\n", "1:unplanned-failure"},
		{"failures of calls that no operation recognises", "policy a https://a.example {\n\ttimeout 4s\n\toperation b GET /b {\n\t\totherwise x\n\t}\n}\n", "1:unplanned-failure/note"},

		{"a timeout of five seconds", strings.Replace(in(), "4s", "5s", 1), "2:no-timeout"},
		{"a timeout of an operation", operation(`timeout 1m`), "7:no-timeout"},
		{"a timeout under a ceiling", strings.Replace(whole(`max_timeout 6s`), "4s", "6s", 1), "5:no-timeout"},
		{"a ceiling below the bot's", strings.Replace(whole(`max_timeout 3s`), "\ttimeout 4s\n", "", 1), ""},
		{"plans below the bot's", strings.Replace(whole(`plan default {`, "\ttimeout 3s", `}`), "timeout 4s", "timeout 9s", 1), ""},
		{"no timeout", strings.Replace(in(), "\ttimeout 4s\n", "", 1), "1:no-timeout/note"},
		{"no timeout of an operation that is all there is", strings.Replace(in(`operations_only`, `operation a GET /a`), "\ttimeout 4s\n", "", 1), "6:no-timeout/note"},
		{"no timeout but a long one of a plan", strings.Replace(whole(`plan gold {`, "\ttimeout 20s", `}`), "\ttimeout 4s\n", "", 1), "4:no-timeout 6:no-timeout/note"},

		{"retries that fit", in(`retry 5`), ""},
		{"retries of an operation that do not fit", operation(`timeout 200ms`, `retry 2 {`, "\tbackoff 400ms 1s", `}`), "9:retry-beyond-deadline"},
		{"retries of the policy that do not fit into an operation", in(`retry 2 {`, "\tbackoff 400ms 1s", `}`, `operation a GET /a {`, "\ttimeout 500ms", `}`), "7:retry-beyond-deadline"},
		{"usual retries that do not fit", operation(`timeout 150ms`, `retry 3`), "8:retry-beyond-deadline"},
		{"retries for other methods", operation(`retry 2 {`, "\tmethods POST", `}`), "7:retry-not-resent"},
		{"retries of a policy that only writes", in(`operations_only`, `retry 2`, `operation a POST /a`), "7:retry-not-resent"},
		{"retries of a policy that writes and reads", in(`operations_only`, `retry 2`, `operation a POST /a`, `operation b GET /b`), ""},

		{"a stale answer to POST", in(`operation a POST /a {`, "\tfallback {", "\t\tstale 1m", "\t\troute a", "\t}", `}`), "8:stale-beyond-use"},
		{"a stale answer of nobody in particular", in(`fallback status == 404 {`, "\tstale 1m", "\troute a", `}`), "7:stale-beyond-use/note"},
		{"a breaker that is off, with a fallback", in(`breaker off`), ""},
		{"a breaker that is off in an operation", "policy a https://a.example {\n\ttimeout 4s\n\thint x not ok\n\toperations_only\n\toperation b GET /b {\n\t\tbreaker off\n\t}\n}\n", "6:breaker-off/note"},
	} {
		if got := brief(check(t, t.TempDir(), c.text)); got != c.want {
			t.Errorf("%s: got %q, want %q\n%s", c.name, got, c.want, c.text)
		}
	}
}

func TestCredentialsAndHostsAreLookedAt(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"loopback", strings.Replace(in(`inject bearer {secret.a}`), "https://api.store.example", "http://127.0.0.1:9090", 1), ""},
		{"a fixed value over http", strings.Replace(in(`inject header X-Version 2`), "https:", "http:", 1), ""},
		{"a token endpoint over http", in("inject oauth2 {", "\ttoken_url http://login.example/token", "\tclient_id a", "\tclient_secret {secret.a}", "}"), "7:secret-over-http"},
		{"a host for each tenant over http", strings.Replace(whole(`tenants_file tenants.yaml`, `secrets env S_`), "https://api.store.example {", "http://{tenant.shop}.example {\n\t\t\tinject bearer {secret.a}", 1), "5:secret-over-http"},

		{"a bearer in the open", in(`inject bearer abcdef`), "6:plain-credential"},
		{"a password in the open", in(`inject basic me abcdef`), "6:plain-credential"},
		{"a key in the open, without a password", in(`inject basic abcdef ""`), "6:plain-credential"},
		{"a key as the name, without a password", in(`inject basic {secret.a} ""`), ""},
		{"a parameter in the open", in(`inject query api_key abcdef`), "6:plain-credential"},
		{"a client's secret in the open", in("inject oauth2 {", "\ttoken_url https://login.example/token", "\tclient_id a", "\tclient_secret abcdef", "}"), "9:plain-credential"},
		{"a key among the headers of a named call", operation(`header X-Api-Key abcdef`), "7:plain-credential"},
		{"a value of the bot's", operation(`header X-Session-Token "{{session}}"`), ""},
		{"a fixed header", operation(`header X-Version 2`), ""},

		{"what only looks like one", operation(`header Idempotency-Key fixed`, `query sort_key name`), ""},
		{"operations of which bots only read", in(`inject bearer {secret.a}`, `methods GET`, `operation a GET /a`), ""},
		{"a policy without operations", in(`inject bearer {secret.a}`), ""},
		{"a name inside", strings.Replace(in(), "api.store.example", "localhost:9090", 1), "1:private-host"},
		{"a name inside that may be", strings.Replace(in(`allow_private`), "api.store.example", "store.internal", 1), ""},
		{"a public name that may be inside", in(`allow_private`), "6:private-host/note"},
		{"an address that may be inside anyway", strings.Replace(in(`allow_private`), "api.store.example", "10.0.0.1", 1), "6:private-host/note"},
	} {
		folder := t.TempDir()
		t.Chdir(folder)
		written(t, folder, "tenants.yaml", "tenants: {acme: {vars: {shop: acme}}}\n")
		if got := brief(check(t, folder, c.text)); got != c.want {
			t.Errorf("%s: got %q, want %q\n%s", c.name, got, c.want, c.text)
		}
	}
}

func TestLimitsAndSitesAreLookedAt(t *testing.T) {
	const policy = "{\n\tsignpost {\n\t\tpolicy a https://a.example {\n\t\t\ttimeout 4s\n\t\t\totherwise x\n\t\t}\n\t}\n}\n"
	for _, c := range []struct{ name, text, want string }{
		{"a larger window with fewer calls", in(`rate_limit 10/m`, `rate_limit 5/h`), "6:limit-never-reached"},
		{"a smaller window with so few", in(`rate_limit 2/s`, `rate_limit 120/m`), "7:limit-never-reached"},
		{"two that both hold", in(`rate_limit 2/s`, `rate_limit 100/m`), ""},
		{"a shared one below a tenant's", in(`rate_limit 10/m`, `rate_limit 5/m shared`), "6:limit-never-reached"},
		{"a tenant's below a shared one", in(`rate_limit 5/m`, `rate_limit 10/m shared`), ""},
		{"an operation's above the policy's", in(`rate_limit 10/m`, `operation a GET /a {`, "\trate_limit 20/m", `}`), "8:limit-never-reached"},
		{"an operation's like the policy's", in(`rate_limit 10/m`, `operation a GET /a {`, "\trate_limit 10/m", `}`), "8:limit-never-reached"},
		{"an operation's below the policy's", in(`rate_limit 20/m`, `operation a GET /a {`, "\trate_limit 10/m", `}`), ""},
		{"a plan's", whole(`plan default {`, "\trate_limit 10/s", "\trate_limit 600/m", `}`), "5:limit-never-reached"},

		{"a proxy of another site", policy + ":80 {\n\tsignpost\n}\n:81 {\n\treverse_proxy 127.0.0.1:1\n}\n", ""},
		{"a console behind a password", policy + ":81 {\n\tbasic_auth {\n\t\ta $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n\t}\n\tsignpost_console\n}\n", ""},
		{"a console on a socket", policy + ":81 {\n\tbind unix//tmp/console.sock\n\tsignpost_console\n}\n", ""},
		{"a console on two addresses", policy + ":81 {\n\tbind 127.0.0.1 192.0.2.1\n\tsignpost_console\n}\n", "11:open-console"},
		{"a console on loopback of one kind", policy + ":81 {\n\tbind tcp4/127.0.0.1\n\tsignpost_console\n}\n", ""},
	} {
		if got := brief(check(t, t.TempDir(), c.text)); got != c.want {
			t.Errorf("%s: got %q, want %q\n%s", c.name, got, c.want, c.text)
		}
	}
}

func TestASharedStateIsLookedAt(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"memory", whole(`state memory`), ""},
		{"a machine's own", whole(`state redis redis://localhost:6379/2`), ""},
		{"addresses inside", whole(`state redis redis://10.1.2.3,[fd00::1]:7000,[::1],192.168.0.9`), ""},
		{"names inside", whole(`state redis redis://redis,redis.default.svc.cluster.local:6379`), ""},
		{"one host elsewhere", whole(`state redis redis://redis,cache.example`), "3:state-without-tls"},
		{"an address elsewhere", whole(`state redis redis://192.0.2.7:6379`), "3:state-without-tls"},
		{"TLS", whole(`state redis rediss://cache.example`), ""},
		{"a user and a secret in the address", whole(`state redis redis://bot:{secret.redis}@redis`), ""},
		{"a password in the address", whole(`state redis redis://:hunter2@redis`), "3:plain-state-password"},
		{"a password without a user", whole(`state redis redis://redis {`, "\tpassword hunter2", `}`), "4:plain-state-password"},
		{"a password of Sentinels", whole(`state redis redis://redis {`, "\tsentinel main", "\tsentinel_password hunter2", `}`), "5:plain-state-password"},
		{"a user in the open", whole(`state redis redis://redis {`, "\tuser bot", "\tpassword {secret.redis}", `}`), ""},
		{"a wait that is half of the deadline", whole(`state redis redis://redis {`, "\tfail closed", "\ttimeout 2s", `}`), ""},
		{"a wait beyond half of the deadline", whole(`state redis redis://redis {`, "\tfail closed", "\ttimeout 2100ms", `}`), "5:state-timeout-cut"},
		{"a wait beyond half of the ceiling", strings.Replace(whole(`max_timeout 3s`, `state redis redis://redis {`, "\tfail closed", "\ttimeout 2s", `}`), "\ttimeout 4s\n", "", 1), "6:state-timeout-cut"},
		{"a wait that nobody is refused after", whole(`state redis redis://redis {`, "\ttimeout 5s", `}`), ""},
		{"the usual wait", strings.Replace(whole(`state redis redis://redis {`, "\tfail closed", `}`), "4s", "300ms", 1), ""},
		{"leases of a small window", whole(`plan default {`, "\trate_limit 32/m", `}`, `state redis redis://redis {`, "\tleases", `}`), "7:leases-in-vain/note"},
		{"leases of a larger one", whole(`plan default {`, "\trate_limit 33/m", `}`, `state redis redis://redis {`, "\tleases", `}`), ""},
		{"leases beside a small window", whole(`plan default {`, "\trate_limit 1000/m", "\trate_limit 20/s", `}`, `state redis redis://redis {`, "\tleases", `}`), "8:leases-in-vain/note"},
		{"leases beside calls in flight", whole(`plan default {`, "\trate_limit 1000/m", "\tconcurrency 5", `}`, `state redis redis://redis {`, "\tleases", `}`), "8:leases-in-vain/note"},
		{"leases where nothing is limited", whole(`plan default {`, "\trate_limit off", `}`, `state redis redis://redis {`, "\tleases", `}`), "7:leases-in-vain/note"},
		{"leases of some tenants", whole(`plan gold {`, "\trate_limit 1000/m", `}`, `state redis redis://redis {`, "\tleases", `}`), ""},
		{"leases of a policy alone", strings.Replace(whole(`plan default {`, "\trate_limit off", `}`, `state redis redis://redis {`, "\tleases", `}`), "timeout 4s", "timeout 4s\n\t\t\trate_limit 5000/h shared", 1), ""},
		{"leases of one operation", strings.Replace(whole(`plan default {`, "\trate_limit off", `}`, `state redis redis://redis {`, "\tleases", `}`), "timeout 4s", "timeout 4s\n\t\t\toperation a GET /a {\n\t\t\t\trate_limit 50/m\n\t\t\t}", 1), ""},
	} {
		if got := brief(check(t, t.TempDir(), c.text)); got != c.want {
			t.Errorf("%s: got %q, want %q\n%s", c.name, got, c.want, c.text)
		}
	}
}
