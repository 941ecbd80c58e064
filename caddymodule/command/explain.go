package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// explainFlags are the flags of `caddy signpost explain`.
type explainFlags struct {
	source
	address string
	asJSON  bool
}

// explainCommand is `caddy signpost explain`.
func explainCommand(host Host) *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain <call-id>|<trace-id>|<file>|-",
		Short: "Tells in sentences why a call took its branch",
		Long: `
Tells what became of a call and why: whose it was, which limits and which circuit
breaker were asked, how often the third party was tried, which hint held and which
did not and why, which fallback answered, and who named the route.

The call is one of the running gateway's log, by its id or by that of its trace,
which stands in the answer's header Signpost-Trace and in an envelope's trace_id:

	$ caddy signpost explain 4bf92f3577b34da6a3ce929d0e0e4736
	$ caddy signpost explain 00f067aa0ba902b7 --address localhost:2019

Or one that was saved, as the admin API or "call --json" prints it; "-" is
standard input:

	$ curl localhost:2019/signpost/calls/00f067aa0ba902b7 > call.json
	$ caddy signpost explain call.json
	$ caddy signpost call store.order_status --var order_number=1001 --json | caddy signpost explain -

The admin endpoint is that at --address, else the one that --config names, else the
Caddyfile's in this folder, else localhost:2019. The log keeps the last 20 calls of
each policy, and the last 20 that failed; "record 500" in a policy keeps more.
`,
		DisableFlagsInUseLine: true,
		Args:                  arguments("<call-id>, <trace-id>, <file> or -", 1),
		RunE:                  func(cmd *cobra.Command, args []string) error { return f.run(cmd, host, args[0]) },
	}
	f.source.addFlags(cmd)
	cmd.Flags().StringVar(&f.address, "address", "", "Admin endpoint of the running gateway, host:port")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "Print JSON, for programs")
	return cmd
}

// run finds the call and explains it.
func (f *explainFlags) run(cmd *cobra.Command, host Host, what string) error {
	detail, err := f.find(cmd, host, what)
	if err != nil {
		return err
	}
	explanation := explain.Explain(detail)
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), struct {
			Call        calllog.Detail      `json:"call"`
			Explanation explain.Explanation `json:"explanation"`
		}{detail, explanation})
	}
	_, err = io.WriteString(cmd.OutOrStdout(), explanation.Text(terminal.For(cmd.OutOrStdout())))
	return err
}

// callOrTrace is the id of a call or of a trace, as a person may write it.
var callOrTrace = regexp.MustCompile(`^([0-9a-fA-F]{16}|[0-9a-fA-F]{32})$`)

// find gives the call that is meant: a file of that name comes before an id.
func (f *explainFlags) find(cmd *cobra.Command, host Host, what string) (calllog.Detail, error) {
	if what == "-" {
		return explain.ReadDetail(cmd.InOrStdin())
	}
	file, err := os.Open(what)
	switch {
	case err == nil:
		defer file.Close()
		detail, err := explain.ReadDetail(file)
		if err != nil {
			err = fmt.Errorf("%s: %w", what, err)
		}
		return detail, err
	case !callOrTrace.MatchString(what) && !errors.Is(err, fs.ErrNotExist):
		return calllog.Detail{}, fmt.Errorf("reading a saved call: %w", err)
	case !callOrTrace.MatchString(what):
		return calllog.Detail{}, fmt.Errorf("%q is neither a file nor an id: the id of a call has 16 hexadecimal digits, that of a trace 32", what)
	}
	return f.ask(cmd.Context(), host, strings.ToLower(what))
}

// ask asks the running gateway for the call.
func (f *explainFlags) ask(ctx context.Context, host Host, id string) (calllog.Detail, error) {
	config, err := f.running(host)
	if err != nil {
		return calllog.Detail{}, err
	}
	resp, err := host.Admin(ctx, f.address, config, http.MethodGet, "/signpost/calls/"+id, nil)
	if err != nil {
		return calllog.Detail{}, fmt.Errorf("asking the running gateway for call %s: %w", id, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.Header.Get("Signpost-Outcome") != "": // It is where bots call.
		return calllog.Detail{}, errors.New("what answers there is no gateway's admin endpoint: name it with --address, such as localhost:2019")
	case resp.StatusCode == http.StatusOK:
		return explain.ReadDetail(resp.Body)
	case resp.StatusCode == http.StatusNotFound:
		return calllog.Detail{}, notKept(ctx, f, host, config, id)
	default:
		return calllog.Detail{}, fmt.Errorf("asking the running gateway for call %s: it answered %s%s", id, statusText(resp.StatusCode), problemText(resp.Body))
	}
}

// running gives the configuration that may say where the admin endpoint is; nil where
// there is none, as nobody says that it is here.
func (f *explainFlags) running(host Host) (config *Config, err error) {
	if f.address != "" {
		return nil, nil
	}
	config, err = f.load(host)
	if f.config == "" && err != nil {
		config, err = nil, nil // What runs may have been started with another one.
	}
	return config, err
}

// notKept says why a call is not in the log, and what could be done.
func notKept(ctx context.Context, f *explainFlags, host Host, config *Config, id string) error {
	resp, err := host.Admin(ctx, f.address, config, http.MethodGet, "/signpost/calls?limit=1000", nil)
	if err == nil {
		defer resp.Body.Close()
	}
	var list struct {
		Calls []json.RawMessage `json:"calls"`
		More  bool              `json:"more"`
	}
	known := err == nil && resp.StatusCode == http.StatusOK && json.NewDecoder(io.LimitReader(resp.Body, explain.MaxSaved)).Decode(&list) == nil
	switch {
	case !known:
		return fmt.Errorf("there is no call %s in the log of the gateway that answers there: is it the one that the bot called?", id)
	case len(list.Calls) == 0:
		return fmt.Errorf("there is no call %s: the gateway's log is empty, because nothing was called since it started, or its policies say `record 0`", id)
	default:
		return fmt.Errorf("there is no call %s in the log, or not any more: a policy keeps its last 20 calls, and the last 20 that failed, unless it says otherwise; write `record 500` into the policy to keep more, or look at those that are kept: GET /signpost/calls", id)
	}
}

// problemText is what the admin API says of a request that it refuses, behind its
// status.
func problemText(body io.Reader) string {
	var problem struct {
		Detail string `json:"detail"`
		Error  string `json:"error"` // Caddy's own.
	}
	if err := json.NewDecoder(io.LimitReader(body, 64<<10)).Decode(&problem); err != nil || problem.Detail+problem.Error == "" {
		return ""
	}
	return ": " + terminal.Safe(problem.Detail+problem.Error)
}
