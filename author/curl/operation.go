package curl

import (
	"cmp"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/author/lint"
	"github.com/signpost-gateway/signpost/policy"
)

// taking is a request on its way to a policy.
type taking struct {
	request   *request
	address   *address
	draft     *draft.Draft
	operation policy.OperationSpec
	names     draft.Names       // of variables
	inputs    map[string]string // the variable that stands for text of variables of the shell
	hidden    []string          // credentials, which may not come out
	samples   []sample
	lastWord  string // of the path
}

func newTaking(r *request, a *address, o Options) *taking {
	d := &draft.Draft{Notes: []string{"Made of a curl command."}}
	d.Policy.Name = cmp.Or(o.Name, draft.HostPolicyName(a.host))
	return &taking{request: r, address: a, draft: d}
}

// take makes the policy. Credentials come first, so that they are known wherever else
// they stand.
func (t *taking) take() error {
	t.logins()
	parameters, err := t.parameters()
	if err != nil {
		return err
	}
	for _, p := range parameters {
		if draft.IsPrivate(p.name) && !p.value.isPrivate() {
			t.hide(p.value.text)
		}
	}
	if err := t.takeHeaders(); err != nil {
		return err
	}
	t.takePath()
	if err := t.takeQuery(parameters); err != nil {
		return err
	}
	if err := t.takeBody(); err != nil {
		return err
	}
	t.settle()
	return nil
}

// parameters are those of the address, and those that options add.
func (t *taking) parameters() ([]pair, error) {
	all, err := pairs(t.address.query)
	if err != nil {
		return nil, err
	}
	added := t.request.urlQuery
	if t.request.get && t.request.hasData() {
		added = append(added, t.request.joined())
	}
	for _, w := range added {
		more, err := pairs(w)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// methodName is the request's method.
func (r *request) methodName() string {
	switch {
	case r.method.text != "":
		return r.method.text
	case r.head:
		return http.MethodHead
	case r.hasData() && !r.get:
		return http.MethodPost
	}
	return http.MethodGet
}

// Bounds of the contract that curl does not have.
const (
	maxTimeout = policy.MaxTimeout
	maxRetries = policy.MaxRetries
)

// settle adds what does not depend on the request's parts.
func (t *taking) settle() {
	r, p := t.request, &t.draft.Policy
	p.OperationsOnly = true
	p.Timeout = policy.Duration(policy.DefaultTimeout)
	if r.timeout > 0 {
		p.Timeout = policy.Duration(max(min(r.timeout, maxTimeout), time.Millisecond))
		if r.timeout > maxTimeout {
			r.warn("a timeout of %s: a call takes at most %s", r.timeout, maxTimeout)
		}
	}
	t.operation.Method = r.methodName()
	t.operation.Name = t.operationName()
	t.retry()
	t.sayWhoCalls()
	if isPrivateHost(t.address.host) {
		p.AllowPrivate = true
		t.draft.Notes = append(t.draft.Notes, "The host is of a private network, which `allow_private` lets calls reach.")
	}
	p.Fallbacks = []policy.Fallback{{Route: "handoff", Next: "continue"}}
	t.draft.Notes = append(t.draft.Notes, "A guess: where the third party fails, the conversation goes on at handoff.")
	t.explain()
	p.Operations = []policy.OperationSpec{t.operation}
	t.draft.Warnings = r.warnings
	t.ignoreWhatIsSaid()
}

// saidSo are the rules of `check` that find what a command says itself.
var saidSo = map[string]string{
	"no-timeout":            "The command waits longer than a bot should: `check` is told that it says so.",
	"retry-beyond-deadline": "The command tries again for longer than it waits: `check` is told that it says so.",
	"secret-over-http":      "The command sends its credential unencrypted, over http://: `check` is told that it says so.",
}

// readNothing keeps the rules away from files: there is none yet.
func readNothing(string) ([]byte, error) { return nil, fs.ErrNotExist }

// ignoreWhatIsSaid silences warnings of `check` that follow from the command. A policy
// with mistakes is told of where it is printed.
func (t *taking) ignoreWhatIsSaid() {
	spec := policy.Spec{Policies: []policy.PolicySpec{t.draft.Policy}}
	if len(policy.Check(&spec)) > 0 {
		return
	}
	for _, f := range lint.Check(lint.Subject{Spec: &spec, Read: readNothing}).Findings {
		ignored := draft.Ignored{Rule: f.Rule, Why: "as the command says"}
		if saidSo[f.Rule] != "" && f.Severity == lint.Warning && !slices.Contains(t.draft.Ignored, ignored) {
			t.draft.Notes = append(t.draft.Notes, saidSo[f.Rule])
			t.draft.Ignored = append(t.draft.Ignored, ignored)
		}
	}
}

// sayWhoCalls names the gateway to the third party, as curl names itself: some answer
// nobody who does not. A name that the command gives stays.
func (t *taking) sayWhoCalls() {
	if !slices.ContainsFunc(t.operation.Header, func(f policy.Field) bool { return f.Name == "User-Agent" }) {
		t.inject(policy.Inject{As: "header", Name: "User-Agent", Value: "signpost"})
	}
}

// retry takes --retry over, where the request may be sent again.
func (t *taking) retry() {
	r := t.request
	if r.retries == 0 {
		return
	}
	if m := t.operation.Method; (m == http.MethodPost || m == http.MethodPatch) && !t.sendsKey() {
		r.warn("--retry: a %s is sent again only with an Idempotency-Key", m)
		return
	}
	if r.retries > maxRetries {
		r.warn("--retry %d: at most %d further attempts are made", r.retries, maxRetries)
	}
	t.draft.Policy.Retry = &policy.Retry{Attempts: min(r.retries, maxRetries)}
}

// sendsKey tells whether a second request is known for one by the third party.
func (t *taking) sendsKey() bool {
	return slices.ContainsFunc(t.operation.Header, func(f policy.Field) bool { return f.Name == "Idempotency-Key" })
}

// explain adds the comments above the operation.
func (t *taking) explain() {
	name := t.operation.Name
	var told []string
	for _, s := range t.samples[:min(len(t.samples), maxSamples)] {
		told = append(told, s.name+" ("+s.shown+")")
	}
	if told != nil {
		t.draft.Note(name, "Variables, and what stood in the command: "+strings.Join(told, ", ")+".")
	}
	if t.operation.Method == http.MethodGet && strings.Contains(t.operation.Template, "{{") {
		t.operation.Hints = []policy.Hint{{Route: "not_found", When: "status == 404"}}
		t.draft.Note(name, "A guess: 404 means that there is no such thing.")
	}
	t.draft.Note(name, "What the answer holds, a command does not tell: `caddy signpost call "+t.draft.Policy.Name+"."+name+"` shows it, with lines for extract and hint.")
	if dropped := t.request.dropped; len(dropped) > 0 {
		slices.Sort(dropped)
		t.draft.Note(name, "Left out, since it changes no answer: "+strings.Join(slices.Compact(dropped), ", ")+".")
	}
}

// verbs begin the names of operations.
var verbs = map[string]string{
	http.MethodGet: "get", http.MethodHead: "head", http.MethodPut: "update", http.MethodPatch: "update", http.MethodDelete: "delete",
}

// operationName makes a name of method and path.
func (t *taking) operationName() string {
	last, err := url.PathUnescape(t.lastWord)
	if err != nil {
		last = t.lastWord
	}
	what := draft.Word(last)
	if strings.HasSuffix(t.operation.Template, "}}") {
		what = draft.Singular(what)
	}
	var names draft.Names
	switch verb := verbs[t.operation.Method]; {
	case what == "" && verb == "":
		return names.Of(t.operation.Method, "call")
	case t.operation.Method == http.MethodPost && what != "" && draft.Singular(what) != what:
		return names.Of("create_"+draft.Singular(what), "create")
	case verb == "":
		return names.Of(what, "call")
	case what == "":
		return names.Of(verb, "call")
	default:
		return names.Of(verb+"_"+what, verb)
	}
}

// isPrivateHost tells the hosts that the dial guard refuses but for allow_private. An
// address that is written itself is allowed as it is.
func isPrivateHost(hostPort string) bool {
	host := hostPort
	if name, _, err := net.SplitHostPort(hostPort); err == nil {
		host = name
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return false
	}
	return host == "localhost" || !strings.Contains(host, ".") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal") || strings.HasSuffix(host, ".localhost")
}
