package caddymodule

import (
	"fmt"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  directive,
		Short: "Works with what Signpost is configured by",
		Long: `
Works with what Signpost, the outbound API gateway for chatbots, is configured
by. Each command says more about itself:

	$ caddy signpost secret --help

An unknown word is an error. The exit status is 0 when all went well and 1 when
it did not.
`,
		CobraFunc: describe,
	})
}

// describe adds the commands below `caddy signpost`, each of which has a file of its own.
func describe(root *cobra.Command) {
	group(root, secretCommand())
}

// group makes cmd a command that only has others below it: alone it prints its help, and a word that is none of them
// is an error, which cobra by itself tells of the outermost command only.
func group(cmd *cobra.Command, commands ...*cobra.Command) {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown command %q for %q: see `%[2]s --help`", args[0], cmd.CommandPath())
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.DisableFlagsInUseLine = true
	cmd.AddCommand(commands...)
}
