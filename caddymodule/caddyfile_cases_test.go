package caddymodule

// wordCase says what a word may and may not stand with. The faults of shape
// (arity, duplicate, block) are made from the form.
type wordCase struct {
	// args and block make a good line.
	args, block string

	// bad are arguments that fit the shape, with a part of what is said.
	bad map[string]string
}

const (
	notDuration = "is not a duration: expected one such as"
	notCount    = "is not a count"
)

// cases has an entry for every word of every block. Policies and operations
// have those of "rules" in common.
var cases = map[string]wordCase{
	"global/tenant": {args: "header X-Bot", bad: map[string]string{
		"X-Bot":         "is not a placeholder",
		"header":        "wrong number of arguments",
		"query x":       "wrong number of arguments",
		"header X_Bot":  "Caddy drops headers",
		"header X.Bot":  "Caddy drops headers",
		`header "X Y"`:  "is not a header's name",
		"{env.TENANT}":  "is not of the call",
		"{file./etc/t}": "is not of the call",
		"a{header.X}":   "is not a placeholder",
	}},
	"global/tenant_required":    {},
	"global/known_tenants_only": {},
	"global/plan":               {args: "gold", block: "rate_limit 10/m"},
	"global/tenants_file":       {args: "tenants.yaml"},
	"global/secrets": {args: "age secrets.age /run/identity", bad: map[string]string{
		"vault x": "expected env or dir or age", "env": "wrong number of arguments", "dir a b": "wrong number of arguments",
		"age a": "wrong number of arguments: expected secrets env", "age a b c": "wrong number of arguments",
		`age a ""`: "wrong number of arguments", `env ""`: "wrong number of arguments",
	}},
	"global/state": {args: "redis redis://localhost", block: "fail closed", bad: map[string]string{
		"disk":                        `"disk" is not known here: expected memory or redis`,
		"memory much":                 "takes nothing more",
		"memory {\nfail closed\n}":    "takes nothing more",
		"redis":                       "expected state redis <url>",
		"redis redis://a redis://b x": "expected state redis <url>",
		"redis://bot:s3cr3t@a":        "state: the first argument is not known here: expected state memory or state redis <url>",
	}},
	"global/trace":  {block: "keep failed"},
	"global/alerts": {block: "webhook https://hooks.example/x"},
	"global/max_timeout": {args: "30s", bad: map[string]string{
		"30": notDuration, "-1s": notDuration, "0s": "expected more than 0",
	}},
	"global/policy": {args: "shop https://{tenant.shop}.example", block: "peek 1KiB"},

	"plan/rate_limit": {args: "10/m", bad: map[string]string{
		"10/m often": "expected shared", "off shared": "off takes nothing more",
	}},
	"plan/concurrency": {args: "5", bad: map[string]string{"x": notCount, "0": notCount, "5 each": "expected shared"}},
	"plan/timeout":     {args: "3s", bad: map[string]string{"fast": notDuration}},
	"plan/tenants":     {args: "acme globex"},

	"trace/endpoint": {args: "http://localhost:4318", bad: map[string]string{
		"localhost:4318": "expected a URL such as", "ftp://x": "expected one of the schemes", "http://": "expected a URL such as", "http://{tenant_secret.a}": "belongs to a tenant", "http://{x}": "{x}",
	}},
	"trace/sample": {args: "0.5%", bad: map[string]string{
		"5": "is not a percentage", "101%": "is not a percentage", "-1%": "is not a percentage", "NaN%": "is not a percentage",
	}},
	"trace/keep": {args: "failed slow 2s", bad: map[string]string{
		"slow": "is not expected here", "fast": "is not expected here", "failed failed": "is not expected here",
		"slow soon": notDuration,
	}},
	"trace/ui": {args: "http://localhost:16686", bad: map[string]string{
		"localhost": "expected a URL such as", "ftp://x": "expected a URL such as", "http://a:b@c": "without a user", "javascript:alert(1)": "expected a URL such as",
	}},

	"alerts/smtp":    {args: "mail.example:587", block: "from bot@example.com"},
	"alerts/webhook": {args: "https://hooks.example/x"},

	"smtp/from":     {args: "bot@example.com"},
	"smtp/username": {args: "bot"},
	"smtp/password": {args: "{secret.mail}"},

	"state/fail":              {args: "local", bad: map[string]string{"open": "expected local or closed"}},
	"state/user":              {args: "gateway"},
	"state/password":          {args: "{secret.redis}"},
	"state/sentinel":          {args: "main"},
	"state/sentinel_user":     {args: "watcher"},
	"state/sentinel_password": {args: "{secret.sentinel}"},
	"state/ca":                {args: "/etc/redis/ca.pem"},
	"state/certificate":       {args: "/etc/redis/bot.pem /etc/redis/bot.key", bad: map[string]string{"one.pem": "expected certificate <certificate-file> <key-file>"}},
	"state/prefix":            {args: "staging"},
	"state/timeout":           {args: "20ms", bad: map[string]string{"20": notDuration, "0s": "expected more than 0"}},
	"state/connections":       {args: "8", bad: map[string]string{"x": notCount, "0": notCount}},
	"state/leases":            {},
	"state/max_tenants":       {args: "5000", bad: map[string]string{"x": notCount, "0": notCount}},
	"state/max_stale":         {args: "16MiB", bad: map[string]string{"much": "is not a size", "0": "expected more than 0"}},

	"rules/title": {args: `"A store"`},
	"rules/rate_limit": {args: "10/m", bad: map[string]string{
		"10/m often": "expected shared", "off shared": "off takes nothing more",
	}},
	"rules/timeout": {args: "3s", bad: map[string]string{"3": notDuration, "0s": "expected more than 0"}},
	"rules/retry":   {args: "2", block: "backoff 10ms 1s", bad: map[string]string{"x": notCount, "-1": notCount}},
	"rules/strip":   {args: "header Cookie Referer", bad: map[string]string{"query a": "expected header"}},
	"rules/breaker": {args: "50% of 20 in 30s", block: "open 5s", bad: map[string]string{
		"": "says nothing", "off {\nopen 1s\n}": "takes no block",
	}},
	"rules/fallback": {args: "status >= 500", block: "route later", bad: map[string]string{
		"outcome==\"a b\" {\nroute later\n}": "use backticks",
	}},
	"rules/next":    {args: "stop", bad: map[string]string{"maybe": "expected continue or stop"}},
	"rules/success": {args: "status != 204", bad: map[string]string{`""`: "the expression is empty", "status=='a b'": "use backticks"}},
	"rules/extract": {args: `state $.state default "new"`, bad: map[string]string{
		"a $.a default":                    "is not expected here",
		`a $.a "default" 1`:                "is not expected here",
		`a $.a "required"`:                 "is not expected here",
		"a $.a optional":                   "is not expected here",
		"a $.a required required":          "is not expected here",
		"a $.a default 1 default 2":        "is not expected here",
		"a $.a default text":               `write "text" for text`,
		"a $.a default `{\"a\":`":          "is not JSON",
		"a $.list[?@.price > 1]":           "quotes around a path",
		"a $.a default {\"a\":{{\"b\":1}}": "caddy fmt tears it apart",
	}},
	"rules/hint":      {args: "open status == 200", bad: map[string]string{"open status=='a b'": "use backticks", "a \"\"": "the expression is empty"}},
	"rules/otherwise": {args: "elsewhere"},
	"rules/reply": {args: "envelope 4KiB", bad: map[string]string{
		"body": "expected headers or envelope", "body 4KiB": "expected headers or envelope",
		"headers 4KiB": "headers have no size", "envelope large": "is not a size", "envelope 0": "expected more than 0",
	}},
	"rules/peek":  {args: "64KiB", bad: map[string]string{"much": "is not a size", "0": "expected more than 0"}},
	"rules/drift": {args: "off", bad: map[string]string{"on": "expected watch or off"}},

	"policy/record": {args: "50 bodies 8KiB redact $.card $..pin", bad: map[string]string{
		"many": notCount, "-1": notCount, "5 bodies": "is not expected here", "5 bodies x": "is not a size", "5 redact": "is not expected here",
		"5 bodies 1KiB bodies 2KiB": "is not expected here", "5 $.a": "is not expected here", `5 "redact" $.a`: "is not expected here",
	}},
	"policy/alert": {args: "ops@example.com bot@example.com"},

	"policy/methods":         {args: "GET post", bad: map[string]string{"GET get": "GET stands twice"}},
	"policy/concurrency":     {args: "5 shared", bad: map[string]string{"x": notCount, "5 each": "expected shared"}},
	"policy/operations_only": {},
	"policy/inject": {args: "header X-Key {secret.key}", bad: map[string]string{
		"jwt":                              "inject jwt: needs a block: expected inject jwt {",
		"jwt {\n}":                         "inject jwt: lacks key, alg: expected inject jwt {",
		"jwt {\nkey k\n}":                  "inject jwt: lacks alg: expected",
		"jwt more {\nkey k\n}":             "inject jwt: wrong number of arguments",
		"oauth2":                           "inject oauth2: needs a block: expected inject oauth2 {",
		"oauth2 {\n}":                      "inject oauth2: lacks token_url, client_id, client_secret: expected inject oauth2 {",
		"oauth2 {\nclient_id\nscopes a\n}": "inject oauth2: lacks token_url, client_secret: expected",
		"oauth2 more {\na\n}":              "inject oauth2: \"a\" is not known here",
		"bearer":                           "with that many arguments: expected inject",
		"bearer a b":                       "with that many arguments: expected inject",
		"basic a":                          "with that many arguments: expected inject",
		"cookie a b":                       "with that many arguments: expected inject",
		"bearer a {\n}":                    "takes no block",
		"bearer {{a}}":                     "caddy fmt tears it apart",
		"bearer {\n{a}}\n}":                "caddy fmt tears it apart",
	}},
	"policy/propagate":     {args: "trace", bad: map[string]string{"baggage": "expected trace"}},
	"policy/allow_private": {},
	"policy/transport":     {block: "dial_timeout 1s"},
	"policy/operation": {args: `look GET "/look/{{id}}"`, block: "peek 1KiB", bad: map[string]string{
		"look GET /look/{{id}}":                       "caddy fmt tears it apart",
		"look GET /look/ {\n{id}} {\npeek 1KiB\n}\n}": "caddy fmt tears it apart",
	}},

	"policy/input": {}, "policy/query": {}, "policy/header": {}, "policy/json": {}, "policy/form": {}, "policy/text": {},

	"operation/input": {args: `size number default 1 matches "[0-9]+" in 1 2`, bad: map[string]string{
		"size integer":                `"integer" is not expected here: expected input <var> [string|number|bool|json]`,
		`size "number"`:               "is not expected here",
		"size number string":          "is not expected here",
		"size default 1 number":       "is not expected here",
		"size default":                "is not expected here",
		"size default 1 default 2":    "is not expected here",
		"size default small":          `input size: the default small is not JSON: write "small" for text`,
		"size default `{\"a\":`":      "is not JSON",
		"size default {{\"a\":1}}":    "caddy fmt tears it apart",
		"size matches":                "is not expected here",
		"size matches a matches b":    "is not expected here",
		`size matches ""`:             "the regular expression behind matches is empty",
		"size matches [0-9] +":        "quotes around what holds blanks",
		"size in":                     "is not expected here",
		"size in small, large":        "stand without brackets and commas",
		`size in ["small", "large"]`:  "stand without brackets and commas",
		`size in small default small`: "default stands behind in",
		`size in small matches s.*`:   "matches stands behind in",
		"size in {{a}}":               "caddy fmt tears it apart",
	}},
	"operation/query": {args: `q "{{term}}"`, bad: map[string]string{
		"q {{term}}": "caddy fmt tears it apart", "q {\n{term}}\n}": "caddy fmt tears it apart",
	}},
	"operation/header": {args: "X-Order `{{number}}`", bad: map[string]string{
		"X-Order {{number}}": "caddy fmt tears it apart", "X-Order a{{number}}": "caddy fmt tears it apart",
	}},
	"operation/json": {args: "`{\"order\": {{number}}}`", bad: map[string]string{
		`{"order":{{number}}}`: "caddy fmt tears it apart", "{{number}}": "caddy fmt tears it apart",
		"{\n{number}}\n}": "caddy fmt tears it apart", "`1`\ntext a": "the body is json already, at Testfile:4: expected one of json, form and text",
	}},
	"operation/form": {block: `order "{{number}}"`, bad: map[string]string{
		"{\na {{b}}\n}":             "form: a: {{b}}: what holds {{",
		"{\na {\n{b}}\n}\n}":        "caddy fmt tears it apart",
		"{\n{{a}} b\n}":             "caddy fmt tears it apart",
		"{\na{{b}} c\n}":            "caddy fmt tears it apart",
		"{\na\n}":                   "form: a: wrong number of arguments: expected <name> <template>",
		"{\na b c\n}":               "form: a: wrong number of arguments: expected <name> <template>",
		"{\na b {\nc d\n}\n}":       "form: a: takes no block",
		"{\na b\n}\njson 1\ntext 2": "Testfile:7: policy store: operation ping: json: the body is form already, at Testfile:4",
	}},
	"operation/text": {args: `"Order {{number}}"`, bad: map[string]string{
		"{{number}}": "caddy fmt tears it apart", "a\nform {\n}": "the body is text already, at Testfile:4",
	}},
	"operation/methods": {}, "operation/concurrency": {}, "operation/record": {}, "operation/alert": {},
	"operation/operations_only": {}, "operation/inject": {}, "operation/propagate": {},
	"operation/allow_private": {}, "operation/transport": {}, "operation/operation": {},

	"retry/on":      {args: "status == 503", bad: map[string]string{"status=='a b'": "use backticks"}},
	"retry/methods": {args: "GET put", bad: map[string]string{"put PUT": "PUT stands twice"}},
	"retry/backoff": {args: "10ms 1s", bad: map[string]string{"a 1s": notDuration, "1ms b": notDuration, "0s 1s": "expected more than 0"}},

	"breaker/open":   {args: "5s", bad: map[string]string{"x": notDuration}},
	"breaker/probes": {args: "2", bad: map[string]string{"x": notCount, "0": notCount}},
	"breaker/slow":   {args: "1s", bad: map[string]string{"x": notDuration}},

	"fallback/stale": {args: "10m", bad: map[string]string{"x": notDuration}},
	"fallback/respond": {args: "200 text/plain hello", bad: map[string]string{
		"ok": notCount, "200 {{vars.a}}": "caddy fmt tears it apart", "200 {\n{vars.a}}\n}": "caddy fmt tears it apart",
	}},
	"fallback/route": {args: "later"},
	"fallback/next":  {args: "continue", bad: map[string]string{"go": "expected continue or stop"}},

	"jwt/key": {args: "{secret.key}", bad: map[string]string{"{{k}}": "key: what holds {{", "{\n{k}}\n}": "caddy fmt tears it apart"}},
	"jwt/alg": {args: "HS256"},
	"jwt/kid": {args: "2026-11"},
	"jwt/claim": {args: "iss signpost", bad: map[string]string{
		"aud `{`": "the value is not JSON: expected JSON, or double quotes around text", "aud {{a}}": "claim: what holds {{",
	}},
	"jwt/ttl": {args: "10m", bad: map[string]string{"x": notDuration, "0s": "expected more than 0"}},
	"jwt/as": {args: "header X-Token", bad: map[string]string{
		"cookie": "expected as header <Name> or as bearer", "header": "expected as header <Name>", "bearer X-Token": "or as bearer",
	}},

	"oauth2/token_url":     {args: "https://{tenant.shop}.example/token"},
	"oauth2/client_id":     {args: "{secret.id}"},
	"oauth2/client_secret": {args: "{secret.store}", bad: map[string]string{"{{s}}": "client_secret: what holds {{"}},
	"oauth2/scopes":        {args: "orders:read orders:write"},
	"oauth2/auth":          {args: "body", bad: map[string]string{"query": "expected header or body"}},
	"oauth2/param":         {args: "audience https://a.example", bad: map[string]string{"audience {{a}}": "param: what holds {{"}},
}
