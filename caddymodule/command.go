package caddymodule

import (
	"errors"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/caddymodule/command"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  directive,
		Short: "Checks, tests and tries what Signpost is configured by",
		Long: `
Works with what Signpost, the outbound API gateway for chatbots, is configured
by. Each command says more about itself:

	$ caddy signpost test --help

An unknown word is an error. The exit status is 0 when all went well, 1 when it
did not, and 3 when check finds nothing wrong but something unwise.
`,
		CobraFunc: func(root *cobra.Command) {
			command.Describe(root, host{})
			exitWithStatus(root)
		},
	})
}

// exitWithStatus makes the commands end the process with the status that they ask
// for. Caddy knows only those that its own wrapper gives.
func exitWithStatus(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		exitWithStatus(sub)
	}
	run := cmd.RunE
	if run == nil {
		return
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		var exit command.Exit
		if !errors.As(err, &exit) {
			return err
		}
		cmd.SilenceErrors = true // All is said.
		if exit.Status <= command.StatusFailed {
			return err
		}
		return caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return exit.Status, nil })(cmd, args)
	}
}
