package command

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/author/lint"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
)

// checkCommand is `caddy signpost check`.
func checkCommand(host Host) *cobra.Command {
	var c checking
	cmd := &cobra.Command{
		Use:   "check [<path>] [--config <path>] [--adapter <name>] [--json] [--strict] | check --rules [--json]",
		Short: "Finds what is wrong with a configuration, and what is unwise",
		Long: `
Finds all that loading the configuration would find, all at once, and then what
is legal and yet unwise: a hint that no call ever reaches, a failure that nobody
planned for, a secret that leaves unencrypted. Nothing is started, no third party
is called, and no secrets are needed.

	$ caddy signpost check store.caddyfile
	store.caddyfile:8:18: warning: policy store: operation order: hint not_found: is never reached: hint refused at store.caddyfile:7 holds whenever this one could [unreachable-hint]
	    8 |         hint not_found status == 404
	      |                        ^~~~~~~~~~~~~
	        help: put it before the more general ones, or drop it
	1 warning

A mistake in an expression is shown where it stands:

	$ caddy signpost check
	Caddyfile:6:22: error: policy desk: hint shipped: unknown variable "state", extracted are: status
	    6 |             hint shipped vars.state == "shipped"
	      |                               ^
	1 error

Each rule has an id, a reason and an example in docs/check.md, and this lists
them:

	$ caddy signpost check --rules

A comment silences a rule where it stands: at the end of a line or alone above it
for that line, and as the first thing in a block for the block. What follows a dash
is the reason. A comment that silences nothing is told, too:

	policy store http://store:9090 {
		# check:ignore secret-over-http - the network is the pod's own

An extract counts as read where a policy test beside the configuration expects its
variable.

The exit status is 1 with errors, 3 with warnings alone, and 0 otherwise. Notes do
not count, unless --strict is given.
`,
		DisableFlagsInUseLine: true,
		Args:                  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.rules {
				return c.list(cmd.OutOrStdout())
			}
			if len(args) == 1 {
				if c.source.config != "" {
					return errors.New("the configuration is named twice: expected a path or --config")
				}
				c.source.config = args[0]
			}
			return c.check(cmd, host)
		},
	}
	c.source.addFlags(cmd)
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "Print JSON, for programs")
	cmd.Flags().BoolVar(&c.strict, "strict", false, "Exit with 3 for notes, too")
	cmd.Flags().BoolVar(&c.rules, "rules", false, "List the rules")
	return cmd
}

// checking are the flags of check.
type checking struct {
	source                source
	asJSON, strict, rules bool
}

// check prints what is found.
func (c *checking) check(cmd *cobra.Command, host Host) error {
	config, err := host.Load(c.source.config, c.source.adapter)
	subject := lint.Subject{}
	if err != nil && !errors.As(err, &subject.Mistakes) {
		return err
	}
	if config != nil {
		config.warn(cmd.ErrOrStderr())
		subject.Spec, subject.Sites, subject.Tested = &config.Spec, config.Sites, lint.Tested(config.Path)
	}
	report := lint.Check(subject)
	if err == nil && report.Count(lint.Error) == 0 {
		if err := host.Validate(config); err != nil {
			report.Add(policy.Mistake{Text: err.Error()})
		}
	}
	if c.asJSON {
		err = report.WriteJSON(cmd.OutOrStdout())
	} else {
		err = report.Print(cmd.OutOrStdout(), terminal.For(cmd.OutOrStdout()))
	}
	if err != nil {
		return fmt.Errorf("printing what was found: %w", err)
	}
	return c.status(report)
}

// status is what a report comes to.
func (c *checking) status(r *lint.Report) error {
	switch {
	case r.Count(lint.Error) > 0:
		return Exit{StatusFailed}
	case r.Count(lint.Warning) > 0, c.strict && r.Count(lint.Note) > 0:
		return Exit{StatusLint}
	default:
		return nil
	}
}

// list prints the rules.
func (c *checking) list(w io.Writer) error {
	rules := lint.Rules()
	if c.asJSON {
		return printJSON(w, rules)
	}
	var table terminal.Table
	for i := range rules {
		table.Row(rules[i].ID, string(rules[i].Severity), rules[i].Title)
	}
	return table.Write(w)
}
