package policy

import "encoding/json"

// Spec is everything that an operator may say about outgoing calls: the
// content of the `signpost` block of a Caddyfile, or of apps.signpost in JSON.
// It is plain data; New checks it and compiles it into a Gateway.
type Spec struct {
	// TenantRequired denies (401) a call that names no tenant. Default: such
	// calls share the tenant "anonymous".
	TenantRequired bool `json:"tenant_required,omitempty"`

	// KnownTenantsOnly denies (403) a tenant that stands on no plan and in no
	// tenants file. Default: unknown tenants are on the plan "default".
	KnownTenantsOnly bool `json:"known_tenants_only,omitempty"`

	// Plans are the limits of a tenant over all policies together. The plan
	// named "default" is for everybody who is on no other; where it is missing,
	// it is 10 calls a minute.
	Plans []Plan `json:"plans,omitempty"`

	// TenantsFile is the path of a YAML file that puts tenants on plans. It is
	// read again within 2 s of a change. Default: none.
	TenantsFile string `json:"tenants_file,omitempty"`

	// Secrets are the places where {secret.NAME} is looked up, in order.
	Secrets []SecretSource `json:"secrets,omitempty"`

	// State is where limits, breakers and stale answers live when sidecars share
	// them. Default: in this process alone.
	State *StateSpec `json:"state,omitempty"`

	// MaxTimeout is the ceiling of every deadline. Default and upper bound: 60s.
	MaxTimeout Duration `json:"max_timeout,omitempty"`

	// Policies are the third-party APIs, one each.
	Policies []PolicySpec `json:"policies,omitempty"`

	// Places tells where each word of the block stands, for error messages.
	Places Places `json:"-"`
}

// Plan is a named set of limits that tenants are on.
type Plan struct {
	// Name is what tenants files and the expression name `plan` say.
	Name string `json:"name"`

	// RateLimits hold all together. Empty: the plan limits no rate.
	RateLimits []RateLimit `json:"rate_limits,omitempty"`

	// RateLimitOff says in so many words that the plan limits no rate.
	RateLimitOff bool `json:"rate_limit_off,omitempty"`

	// Concurrency bounds a tenant's calls in flight. Default: no bound.
	Concurrency []Concurrency `json:"concurrency,omitempty"`

	// Timeout shortens the deadline of the plan's tenants. Default: it does not.
	Timeout Duration `json:"timeout,omitempty"`

	// Tenants are the names of those on this plan.
	Tenants []string `json:"tenants,omitempty"`

	// Places tells where each word of the block stands.
	Places Places `json:"-"`
}

// RateLimit is `rate_limit <n>/<window> [shared]`: at most n calls in any span
// of the window's length.
type RateLimit struct {
	// Rate is written as in a Caddyfile: "10/m", "10/30s".
	Rate string `json:"rate"`

	// Shared counts all tenants together. Default: each tenant has its own.
	Shared bool `json:"shared,omitempty"`

	// Place is where the limit stands.
	Place Place `json:"-"`
}

// Concurrency is `concurrency <n> [shared]`: at most n calls in flight.
type Concurrency struct {
	// Calls is the bound, at least 1.
	Calls int `json:"calls"`

	// Shared counts all tenants together. Default: each tenant has its own.
	Shared bool `json:"shared,omitempty"`

	// Place is where the limit stands.
	Place Place `json:"-"`
}

// SecretSource is `secrets env <PREFIX>`, `secrets dir <path>` or
// `secrets age <file> <identity-file>`.
type SecretSource struct {
	// From is "env", "dir" or "age".
	From string `json:"from"`

	// Where is the prefix of the variables' names, the folder's path, or the
	// path of the encrypted file.
	Where string `json:"where"`

	// Identity is the path of the file with the key that decrypts an age file.
	Identity string `json:"identity,omitempty"`

	// Place is where the source stands.
	Place Place `json:"-"`
}

// PolicySpec is everything said about one third-party API.
type PolicySpec struct {
	// Name is the first segment of the URLs that bots call. It is
	// [a-z][a-z0-9_-]*, unique; "call" and "health" are taken.
	Name string `json:"name"`

	// BaseURL is the third party's address, http or https, to which the path
	// of a call is added. {tenant.NAME} in its host stands for that variable of
	// the tenants file, which is one DNS label; a tenant without it is denied.
	BaseURL string `json:"base_url"`

	// Rules are the part that operations can say otherwise.
	Rules

	// Methods are those that may go out; others are denied (405). Default: all.
	Methods []string `json:"methods,omitempty"`

	// Concurrency bounds the calls in flight. Default: no bound.
	Concurrency []Concurrency `json:"concurrency,omitempty"`

	// OperationsOnly denies (403) calls that no operation recognises.
	OperationsOnly bool `json:"operations_only,omitempty"`

	// Inject are the credentials and fixed values put on outgoing requests.
	Inject []Inject `json:"inject,omitempty"`

	// PropagateTrace sends traceparent on to the third party. Default: off,
	// since trace context tells strangers about the inside.
	PropagateTrace bool `json:"propagate_trace,omitempty"`

	// AllowPrivate lets the dial guard reach loopback and private addresses.
	AllowPrivate bool `json:"allow_private,omitempty"`

	// Record says what the call log keeps of this policy's calls. Default: the
	// last 20 and the last 20 that failed, bodies up to 4KiB.
	Record *RecordSpec `json:"record,omitempty"`

	// Alert are the mail addresses that are told when calls fail, at most 10.
	// The engine leaves them to whoever sends mails. Default: nobody.
	Alert []string `json:"alert,omitempty"`

	// Transport is the configuration of the base transport, which the engine
	// hands to Options.Transport unread. Default: none.
	Transport json.RawMessage `json:"transport,omitempty"`

	// Operations are the calls that have a mapping of their own.
	Operations []OperationSpec `json:"operations,omitempty"`

	// Places tells where each word of the block stands.
	Places Places `json:"-"`
}

// OperationSpec is one method and path template of a policy. What its rules
// leave unsaid it has from the policy: single values replace, limits and strip
// add up, extractions merge by name, and its hints and fallbacks are asked
// before the policy's.
type OperationSpec struct {
	// Name is unique in the policy: [a-z][a-z0-9_-]*.
	Name string `json:"name"`

	// Method is the one that the operation recognises.
	Method string `json:"method"`

	// Template is the path below the base URL; {{x}} stands for one segment.
	Template string `json:"template"`

	// Rules are what the operation says otherwise than its policy.
	Rules

	// Inputs say more of variables than that a template reads them: type,
	// default and what is allowed. A variable that a template reads and no
	// input declares is required, and any text, number or bool.
	Inputs []InputSpec `json:"inputs,omitempty"`

	// Query are the parameters that a named call sends, in order.
	Query []Field `json:"query,omitempty"`

	// Header are the headers that a named call sends.
	Header []Field `json:"header,omitempty"`

	// Body is what a named call sends. Default: nothing.
	Body *BodySpec `json:"body,omitempty"`

	// Places tells where each word of the block stands.
	Places Places `json:"-"`
}

// InputSpec is `input <var> [<type>] [default <json>] [matches <regexp>]
// [in <value…>]`: one variable of a call.
type InputSpec struct {
	// Var is the variable's name: [a-z][a-z0-9_]*.
	Var string `json:"var"`

	// Type is "string", "number", "bool" or "json". Default: any text, number
	// or bool.
	Type string `json:"type,omitempty"`

	// Default is the value where the bot sends none. Default: none, and the
	// variable is required.
	Default json.RawMessage `json:"default,omitempty"`

	// Matches is a regular expression (RE2) that the whole text of the value
	// must match. Default: any does.
	Matches string `json:"matches,omitempty"`

	// In lists the texts of the values that are allowed. Default: all are.
	In []string `json:"in,omitempty"`

	// Place is where the input stands.
	Place Place `json:"-"`
}

// Field is a name and the template of its value, in which {{x}} stands for a
// variable of the call.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`

	// Place is where the field stands.
	Place Place `json:"-"`
}

// BodySpec is `json <template>`, `form { <name> <template> }` or
// `text <template>`: the body of a named call.
type BodySpec struct {
	// As is "json", "form" or "text". It sets the Content-Type, unless a header
	// of the operation does.
	As string `json:"as"`

	// Template is the body of "json" and "text".
	Template string `json:"template,omitempty"`

	// Form are the fields of "form", in order.
	Form []Field `json:"form,omitempty"`

	// Place is where the body stands.
	Place Place `json:"-"`
}

// Rules are what a policy says, and an operation may say again.
type Rules struct {
	// Title is the name shown to people. Default: the name.
	Title string `json:"title,omitempty"`

	// RateLimits hold all together, with those of the tenant's plan.
	RateLimits []RateLimit `json:"rate_limits,omitempty"`

	// RateLimitOff says in so many words that there are none here.
	RateLimitOff bool `json:"rate_limit_off,omitempty"`

	// Timeout is the deadline of the whole call. Default: 4s.
	Timeout Duration `json:"timeout,omitempty"`

	// Retry allows further attempts. Default: none.
	Retry *Retry `json:"retry,omitempty"`

	// Strip names headers that are removed from the outgoing request.
	Strip []string `json:"strip,omitempty"`

	// Breaker says when calls stop going out because the third party fails.
	// Default: 50% of 20 in 30s, open 15s, 3 probes.
	Breaker *BreakerSpec `json:"breaker,omitempty"`

	// Fallbacks are the answers given instead; the first that holds is taken.
	Fallbacks []Fallback `json:"fallbacks,omitempty"`

	// Next is what a call says that nobody planned for: "continue" or "stop".
	// Default: "stop".
	Next string `json:"next,omitempty"`

	// Success is an expression that is false where a 2xx answer holds an error.
	// Default: every 2xx answer is a success.
	Success string `json:"success,omitempty"`

	// Extracts read variables out of the answer.
	Extracts []Extract `json:"extracts,omitempty"`

	// Hints are asked in order; the first that holds names the route.
	Hints []Hint `json:"hints,omitempty"`

	// Otherwise is the route when no hint holds. Default: the outcome's own.
	Otherwise string `json:"otherwise,omitempty"`

	// Reply is the form of the answer. Default: headers.
	Reply *Reply `json:"reply,omitempty"`

	// Peek is how much of an answer is read for mapping. Default: 1MiB.
	// Bound: 16MiB.
	Peek Size `json:"peek,omitempty"`

	// Drift is "watch" or "off": whether an operation's answers are compared
	// with the structure that the first one had. Default: "watch".
	Drift string `json:"drift,omitempty"`
}

// RecordSpec is `record <n> [bodies <size>] [redact <jsonpath…>]`: what the call
// log keeps.
type RecordSpec struct {
	// Calls is how many calls are kept, and as many again of those that failed:
	// 0, which keeps nothing, to 1000.
	Calls int `json:"calls"`

	// Bodies is how much of each body is kept. Default: 4KiB. Bound: 64KiB.
	Bodies Size `json:"bodies,omitempty"`

	// NoBodies keeps no bodies at all: `bodies 0`.
	NoBodies bool `json:"no_bodies,omitempty"`

	// Redact are JSONPaths (RFC 9535). What they find in a JSON body, of a
	// request or an answer, is overwritten before anything is kept; a body that
	// they cannot look into is not kept.
	Redact []string `json:"redact,omitempty"`

	// Place is where the line stands.
	Place Place `json:"-"`
}

// Reply is `reply headers|envelope [<size>]`.
type Reply struct {
	// As is "headers" or "envelope".
	As string `json:"as"`

	// Size bounds an envelope: 1KiB to 64KiB. Default: 64KiB.
	Size Size `json:"size,omitempty"`
}

// Retry is `retry <n> { … }`.
type Retry struct {
	// Attempts is how many may follow the first: 0 to 5.
	Attempts int `json:"attempts"`

	// On is the expression that asks for another attempt. Default: connection
	// failures, incomplete answers, 429, 502, 503, 504.
	On string `json:"on,omitempty"`

	// Methods may be sent again. Default: the idempotent ones, and any request
	// with an Idempotency-Key.
	Methods []string `json:"methods,omitempty"`

	// BackoffMin and BackoffMax bound the wait: it is drawn from 0 to
	// BackoffMin doubled for each attempt, at most BackoffMax.
	// Defaults: 100ms and 1s.
	BackoffMin Duration `json:"backoff_min,omitempty"`
	BackoffMax Duration `json:"backoff_max,omitempty"`

	// Places tells where each word of the block stands.
	Places Places `json:"-"`
}

// BreakerSpec is `breaker <p>% of <n> in <duration>`, `breaker <n> consecutive`
// or `breaker off`, and its block.
type BreakerSpec struct {
	// Trip is the line's words: "50% of 20 in 30s", "5 consecutive", "off".
	// Empty: the default.
	Trip string `json:"trip,omitempty"`

	// Open is how long it stays open before probing. Default: 15s.
	Open Duration `json:"open,omitempty"`

	// Probes is how many must succeed to close it again. Default: 3.
	Probes int `json:"probes,omitempty"`

	// Slow counts a slower answer as a failure. Default: none does.
	Slow Duration `json:"slow,omitempty"`

	// Places tells where each word of the block stands.
	Places Places `json:"-"`
}

// Fallback is the answer given instead of the third party's.
type Fallback struct {
	// When is the expression. Default: the outcome is server_error, timeout,
	// unreachable, incomplete, circuit_open, overloaded or internal.
	When string `json:"when,omitempty"`

	// Stale gives the last success if it is no older. Default: never.
	Stale Duration `json:"stale,omitempty"`

	// Respond is given where no stale answer is. Default: none.
	Respond *Respond `json:"respond,omitempty"`

	// Route overrides the route. Default: it does not.
	Route string `json:"route,omitempty"`

	// Next overrides Signpost-Next: "continue" or "stop". Default: it does not.
	Next string `json:"next,omitempty"`

	// Places tells where each word of the block stands; the word "fallback"
	// is the block's own line.
	Places Places `json:"-"`
}

// Respond is a fixed answer, whose body may hold {{vars.x}} and {{input.x}}.
type Respond struct {
	// Status is the answer's, 200 to 599.
	Status int `json:"status"`

	// Type is the Content-Type. Default: application/json where the body is
	// JSON, text/plain otherwise.
	Type string `json:"type,omitempty"`

	// Body is the template, at most 64KiB.
	Body string `json:"body,omitempty"`
}

// Extract is `extract <var> <jsonpath> [default <json>] [required]`.
type Extract struct {
	// Var is the variable's name: [a-z][a-z0-9_]*.
	Var string `json:"var"`

	// Path is a JSONPath (RFC 9535).
	Path string `json:"path"`

	// Default is the value where the path finds nothing. Default: none, and
	// the variable is missing.
	Default json.RawMessage `json:"default,omitempty"`

	// Required makes a 2xx answer without the value unmappable.
	Required bool `json:"required,omitempty"`

	// Place is where the extraction stands.
	Place Place `json:"-"`
}

// Hint is `hint <route> <expr>`.
type Hint struct {
	// Route is the branch: [A-Za-z0-9][A-Za-z0-9_.:-]{0,63}.
	Route string `json:"route"`

	// When is the condition, an expression that gives true or false.
	When string `json:"when"`

	// Place is where the hint stands.
	Place Place `json:"-"`
}
