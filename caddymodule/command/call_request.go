package command

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/policy"
)

// maxBody bounds the body of a test call, in bytes.
const maxBody = 16 << 20

// callRequest is what a test call sends.
type callRequest struct {
	policy, operation string
	inputs            []policy.InputInfo // of the operation
	known             policy.MappingInfo // what operation and policy say of the answer

	vars, query, headers []string
	tenant, method, path string
	body, reply          string
	timeout              time.Duration
}

// addFlags gives a command the flags that say what is sent.
func (r *callRequest) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&r.vars, "var", nil, "Variable of the operation, k=v, or k:=json")
	flags.StringVar(&r.tenant, "tenant", "", "On whose behalf (default: nobody in particular)")
	flags.StringVar(&r.method, "method", "", "Method of a base-URL call (default GET, or POST with a body)")
	flags.StringVar(&r.path, "path", "", "Path below the policy's base URL, escaped")
	flags.StringArrayVar(&r.query, "query", nil, "Query parameter of a base-URL call, a=b")
	flags.StringArrayVar(&r.headers, "header", nil, "Header that the bot sends, 'Name: value'")
	flags.StringVar(&r.body, "body", "", "Body of a base-URL call: a text, @file, or @- for standard input")
	flags.DurationVar(&r.timeout, "timeout", 0, "How long the call may take, if that is less than the policy says")
	flags.StringVar(&r.reply, "reply", "", "Form of the bot's answer: headers or envelope (default headers)")
	// The flag was defined a line above, so this cannot fail.
	_ = cmd.RegisterFlagCompletionFunc("reply", cobra.FixedCompletions([]string{"headers", "envelope"}, cobra.ShellCompDirectiveNoFileComp))
}

// enveloped tells whether the answer comes in an envelope.
func (r *callRequest) enveloped() bool { return r.reply == "envelope" }

// find finds the policy and the operation that are called, and tells what does not
// go together.
func (r *callRequest) find(g *policy.Gateway, target string) error {
	r.policy, r.operation, _ = strings.Cut(target, ".")
	var names []string
	for _, info := range g.Policies() {
		names = append(names, info.Name)
		if info.Name != r.policy {
			continue
		}
		r.known = info.MappingInfo
		if strings.HasSuffix(target, ".") || !strings.Contains(target, ".") {
			return r.checkBaseURL(target, &info)
		}
		return r.checkOperation(&info)
	}
	return fmt.Errorf("there is no policy %q%s", r.policy, suggest(r.policy, names))
}

// checkBaseURL tells what does not belong into a base-URL call.
func (r *callRequest) checkBaseURL(target string, info *policy.PolicyInfo) error {
	if strings.HasSuffix(target, ".") {
		return fmt.Errorf("there is no operation's name behind %q%s", target, suggest("", operationNames(info)))
	}
	if len(r.vars) > 0 {
		return fmt.Errorf("--var belongs to an operation, and %q names none%s", target, suggest("", operationNames(info)))
	}
	return nil
}

// checkOperation finds the operation, and tells what does not belong into a named
// call.
func (r *callRequest) checkOperation(info *policy.PolicyInfo) error {
	for _, op := range info.Operations {
		if op.Name != r.operation {
			continue
		}
		for flag, given := range map[string]bool{"method": r.method != "", "path": r.path != "", "query": r.query != nil, "body": r.body != ""} {
			if given {
				return fmt.Errorf("--%s belongs to a base-URL call: the operation %s says itself what is sent, so give it variables with --var, or call %s alone", flag, r.operation, r.policy)
			}
		}
		r.inputs = op.Inputs
		r.known.Extracts = slices.Concat(op.Extracts, r.known.Extracts)
		r.known.Hints = slices.Concat(op.Hints, r.known.Hints)
		return r.checkVars(op.Inputs)
	}
	return fmt.Errorf("the policy %s has no operation %q%s", r.policy, r.operation, suggest(r.operation, operationNames(info)))
}

// checkVars finds variables that the operation does not have. A bot may send such, but
// whoever tries a call has mistyped one.
func (r *callRequest) checkVars(inputs []policy.InputInfo) error {
	names := make([]string, len(inputs))
	for i, in := range inputs {
		names[i] = in.Var
	}
	for _, given := range r.vars {
		name, _, _ := strings.Cut(given, "=")
		if name = strings.TrimSuffix(name, ":"); !slices.Contains(names, name) {
			return fmt.Errorf("the operation %s.%s has no variable %q%s", r.policy, r.operation, name, suggest(name, names))
		}
	}
	return nil
}

// operationNames are the operations of a policy, as they are called here.
func operationNames(info *policy.PolicyInfo) []string {
	var names []string
	for _, op := range info.Operations {
		names = append(names, op.Name)
	}
	return names
}

// build makes the bot's request.
func (r *callRequest) build(ctx context.Context, stdin io.Reader) (*http.Request, error) {
	header := make(http.Header)
	if err := r.addHeaders(header); err != nil {
		return nil, err
	}
	say := r.namedCall
	if r.operation == "" {
		say = r.baseURL
	}
	method, target, body, err := say(header, stdin)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	if len(body) == 0 {
		req.Body, req.GetBody = http.NoBody, nil
	}
	req.URL, req.Header = target, header
	return req, nil
}

// namedCall makes method, address and body of a named call.
func (r *callRequest) namedCall(header http.Header, _ io.Reader) (method string, target *url.URL, body []byte, err error) {
	body, err = r.variables()
	header.Set("Content-Type", "application/json")
	return http.MethodPost, &url.URL{Path: "/call/" + r.policy + "/" + r.operation}, body, err
}

// Forms of what is given on the command line.
var (
	fieldName    = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") // RFC 9110, section 5.6.2
	variableName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// ownHeaders are those that the connection decides, and no bot.
var ownHeaders = []string{
	"Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// addHeaders adds the headers that the bot sends.
func (r *callRequest) addHeaders(header http.Header) error {
	for _, line := range r.headers {
		name, value, found := strings.Cut(line, ":")
		canonical, value := http.CanonicalHeaderKey(name), strings.TrimSpace(value)
		switch {
		case !found || !fieldName.MatchString(name) || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
			// The value may be a credential, and is not repeated.
			return errors.New("--header is not 'Name: value': expected such as --header 'Accept: application/json'")
		case slices.Contains(ownHeaders, canonical) || strings.HasPrefix(canonical, "Signpost-"):
			return fmt.Errorf("--header %s is decided by the connection or by other flags", canonical)
		}
		header[canonical] = append(header[canonical], value)
	}
	switch r.reply {
	case "", "headers", "envelope": // Without the flag, too, the policy's own `reply` does not count.
		header.Set("Signpost-Reply", cmp.Or(r.reply, "headers"))
	default:
		return fmt.Errorf("--reply is %q: expected headers or envelope", r.reply)
	}
	if r.timeout < 0 {
		return fmt.Errorf("--timeout is %s: expected a time that has not passed yet, such as 3s", r.timeout)
	}
	if r.timeout > 0 {
		header.Set("Signpost-Timeout", r.timeout.String())
	}
	return nil
}

// variables makes the body of a named call.
func (r *callRequest) variables() ([]byte, error) {
	vars := make(map[string]json.RawMessage, len(r.vars))
	for _, given := range r.vars {
		name, text, found := strings.Cut(given, "=")
		name, asJSON := strings.CutSuffix(name, ":")
		switch {
		case !found || !variableName.MatchString(name):
			return nil, fmt.Errorf("--var %s is not k=v: expected such as --var order_number=1001, or --var tags:='[\"vip\"]' for JSON", name)
		case vars[name] != nil:
			return nil, fmt.Errorf("--var %s stands twice", name)
		case asJSON && !json.Valid([]byte(text)):
			return nil, fmt.Errorf("--var %s:= is followed by what is no JSON: expected such as %[1]s:=5 or %[1]s:='[\"a\"]', or %[1]s= and a text", name)
		}
		vars[name] = json.RawMessage(text)
		if !asJSON && !r.takesJSON(name, text) {
			encoded, err := json.Marshal(text)
			if err != nil {
				return nil, fmt.Errorf("writing --var %s: %w", name, err)
			}
			vars[name] = encoded
		}
	}
	return json.Marshal(vars)
}

// takesJSON tells whether a text stands for a number, a bool or JSON, because the
// operation says so and it can. What cannot is sent as a text, for the operation to
// refuse with its own words.
func (r *callRequest) takesJSON(name, text string) bool {
	i := slices.IndexFunc(r.inputs, func(in policy.InputInfo) bool { return in.Var == name })
	if i < 0 || !json.Valid([]byte(text)) {
		return false
	}
	switch r.inputs[i].Type {
	case "number":
		return text != "" && (text[0] == '-' || '0' <= text[0] && text[0] <= '9')
	case "bool":
		return text == "true" || text == "false"
	default:
		return r.inputs[i].Type == "json"
	}
}

// baseURL makes method, address and body of a base-URL call.
func (r *callRequest) baseURL(header http.Header, stdin io.Reader) (method string, target *url.URL, body []byte, err error) {
	body, err = r.readBody(stdin)
	if err != nil {
		return "", nil, nil, err
	}
	switch {
	case r.method != "":
		method = r.method
	case r.body != "":
		method = http.MethodPost
	default:
		method = http.MethodGet
	}
	if !fieldName.MatchString(method) || method == http.MethodConnect {
		return "", nil, nil, fmt.Errorf("--method is %q: expected such as GET or POST", r.method)
	}
	path, query, hasQuery := strings.Cut(r.path, "?")
	if path == "" {
		path = "/"
	}
	target, err = url.ParseRequestURI(path)
	if err != nil || path[0] != '/' || strings.Contains(path, "#") {
		return "", nil, nil, fmt.Errorf("--path is %q: expected an escaped path below the policy's base URL that begins with a slash", r.path)
	}
	var pairs []string
	if hasQuery {
		pairs = append(pairs, query)
	}
	for _, pair := range r.query {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return "", nil, nil, errors.New("--query is not a=b: give one for each parameter, as --query page=2")
		}
		pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	target.RawQuery = strings.Join(pairs, "&")
	if header.Get("Content-Type") == "" && len(body) > 0 {
		header.Set("Content-Type", contentType(body))
	}
	return method, target, body, nil
}

// contentType is what a body is where nobody says so.
func contentType(body []byte) string {
	if json.Valid(body) {
		return "application/json"
	}
	return "text/plain; charset=utf-8"
}

// readBody gives the body: the flag's own text, or that of a file.
func (r *callRequest) readBody(stdin io.Reader) ([]byte, error) {
	path, isFile := strings.CutPrefix(r.body, "@")
	if !isFile {
		return []byte(r.body), nil
	}
	from := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("reading --body: %w", err)
		}
		defer file.Close()
		from = file
	}
	body, err := io.ReadAll(io.LimitReader(from, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("reading --body: %w", err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("reading --body: it is longer than %d MiB", maxBody>>20)
	}
	return body, nil
}
