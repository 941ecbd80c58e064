package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// Bounds of a test call.
const (
	// maxKept is how much of each body is shown, in bytes, and maxRead how much of the
	// answer is read, to tell how long it is.
	maxKept = 1 << 20
	maxRead = 64 << 20
	// maxCallTime bounds the whole call: the longest deadline there is, and a while for
	// an answer that streams on.
	maxCallTime = 65 * time.Second
)

// callFlags are the flags of `caddy signpost call`.
type callFlags struct {
	source
	request callRequest
	asJSON  bool
	save    string
	name    string
}

// callCommand is `caddy signpost call`.
func callCommand(host Host) *cobra.Command {
	var f callFlags
	cmd := &cobra.Command{
		Use:   "call <policy>[.<operation>] [--var k=v]…",
		Short: "Makes a live test call through a configuration, without a server",
		Long: `
Calls the third party as the gateway would, with the secrets and limits of the
configuration, but without a server. It prints the request that went out without
credentials, the answer as a tree with the JSONPath of each value, where the time
went, why the call took its route, and lines to paste into the policy.

A call of an operation is a named call. Its variables are texts, unless the
operation says that they are numbers, bools or JSON; := gives JSON itself:

	$ caddy signpost call store.order_status --var order_number=1001
	$ caddy signpost call crm.note --var text="Called back" --var tags:='["vip"]'

Without an operation it is any request below the policy's base URL:

	$ caddy signpost call store --path /orders/1001
	$ caddy signpost call store --method POST --path /orders --body @order.json

On whose behalf, with how much time, and as a program reads it:

	$ caddy signpost call store.order_status --var order_number=1001 --tenant acme --timeout 2s
	$ caddy signpost call store.order_status --var order_number=1001 --json > call.json
	$ caddy signpost explain call.json

A call can become a policy test, without secrets and without what the policy
redacts. The test is tried before it is written:

	$ caddy signpost call store.order_status --var order_number=1001 --save store_test.yaml
	saved the test "shipped (success)" in store_test.yaml

The exit status is 0 when the call did not fail, and 1 when it failed or nothing was
sent. The configuration is ./Caddyfile unless --config says otherwise. Nothing
of a running gateway is touched: limits and breakers of this call are its own.
`,
		DisableFlagsInUseLine: true,
		Args:                  arguments("<policy>[.<operation>]", 1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return f.complete(host, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, host, args[0]) },
	}
	f.source.addFlags(cmd)
	f.request.addFlags(cmd)
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "Print JSON, for programs and for explain")
	cmd.Flags().StringVar(&f.save, "save", "", "Save the call as a policy test in this file, *_test.yaml")
	cmd.Flags().StringVar(&f.name, "name", "", "Name of the saved test (default: its route and outcome)")
	return cmd
}

// complete gives what can be called.
func (f *callFlags) complete(host Host, args []string) ([]string, cobra.ShellCompDirective) {
	const nothingElse = cobra.ShellCompDirectiveNoFileComp
	if len(args) > 0 {
		return nil, nothingElse
	}
	c, err := host.Load(f.config, f.adapter)
	if err != nil || c == nil {
		return nil, nothingElse
	}
	var names []string
	for _, p := range c.Spec.Policies {
		names = append(names, p.Name)
		for _, o := range p.Operations {
			names = append(names, p.Name+"."+o.Name)
		}
	}
	return names, nothingElse
}

// run makes the call and prints what came of it.
func (f *callFlags) run(cmd *cobra.Command, host Host, target string) error {
	if err := f.checkSave(); err != nil {
		return err
	}
	config, err := f.load(host)
	if err != nil {
		return err
	}
	config.warn(cmd.ErrOrStderr())
	var recorder explain.Recorder
	gateway, closeGateway, err := host.Open(config, recorder.Wrap)
	if err != nil {
		return oneALine(err)
	}
	defer closeGateway()
	if err := f.request.find(gateway, target); err != nil {
		return err
	}
	stop := terminal.Spin(cmd.ErrOrStderr(), "calling "+target)
	entry, err := f.request.send(cmd, gateway, config.TenantHeader)
	stop()
	if err != nil {
		return err
	}
	result := callResult{entry: entry, envelope: f.request.enveloped(), timing: explain.TimingOf(entry, recorder.Exchanges()), known: f.request.known}
	if f.asJSON {
		err = result.printJSON(cmd.OutOrStdout())
	} else {
		err = result.print(cmd.OutOrStdout())
	}
	given := entry.Outcome != string(policy.Canceled)
	if err == nil && f.save != "" && given {
		err = f.saveTest(cmd, config, entry)
	}
	switch {
	case err != nil:
		return err
	case !given:
		return Exit{StatusFailed}
	case entry.Failed, len(entry.Attempts) == 0: // Nobody was called, whatever kept the call back.
		return Exit{StatusFailed}
	}
	return nil
}

// send makes the call, and gives what the call log keeps of it.
func (r *callRequest) send(cmd *cobra.Command, g *policy.Gateway, tenantHeader string) (*calllog.Entry, error) {
	ctx, cancel := context.WithTimeout(cmd.Context(), maxCallTime)
	defer cancel()
	req, err := r.build(ctx, cmd.InOrStdin()) // While standard input is awaited, an interrupt ends the process.
	if err != nil {
		return nil, err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop() // Whoever gives up is told how far the call had come.
	req = req.WithContext(ctx)
	var entry *calllog.Entry
	call := policy.Call{
		Policy: r.policy, Operation: r.operation, Tenant: r.tenant, TenantHeader: tenantHeader,
		KeptBodies: maxKept, Kept: func(e *calllog.Entry) { entry = e },
	}
	if r.operation == "" {
		call.Path = req.URL.EscapedPath()
		req.URL.Path, req.URL.RawPath = "/"+r.policy+req.URL.Path, "/"+r.policy+call.Path
	}
	resp := g.Answer(req, &call)
	// What is beyond is not shown; where the body breaks off, the entry says why.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxRead))
	_ = resp.Body.Close()
	if entry == nil {
		return nil, errors.New("making the call: the gateway kept nothing of it") // Not reached, but for a fault of the gateway.
	}
	return entry, nil
}

// callResult is a call that was made.
type callResult struct {
	entry    *calllog.Entry
	envelope bool
	timing   explain.Timing
	known    policy.MappingInfo // what the policy says already
}

// printJSON prints what POST test of the admin API gives, with timing and lines.
func (r *callResult) printJSON(w io.Writer) error {
	doc, _ := explain.Document(r.entry, r.envelope)
	return printJSON(w, struct {
		explain.Called
		Timing explain.Timing `json:"timing"`
		Lines  explain.Lines  `json:"lines"`
	}{explain.CalledWith(r.entry, r.envelope), r.timing, explain.LinesFor(r.entry.UpstreamStatus, doc, r.known)})
}

// statusText is a status with its name.
func statusText(status int) string {
	if name := http.StatusText(status); name != "" {
		return fmt.Sprintf("%d %s", status, name)
	}
	return fmt.Sprint(status)
}
