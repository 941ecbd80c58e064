package command

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Exit statuses of the commands.
const (
	// StatusFailed is that of a mistake, a failed test, a failed call.
	StatusFailed = 1
	// StatusLint is that of `check` where all is legal and something unwise.
	StatusLint = 3
)

// Exit ends a command with a status after it has said all there is to say.
type Exit struct{ Status int }

// Error gives the status.
func (e Exit) Error() string { return fmt.Sprintf("exiting with status %d", e.Status) }

// Describe adds the commands to `caddy signpost`. Their errors are either those to
// be told, or Exit.
func Describe(root *cobra.Command, host Host) {
	group(root,
		checkCommand(host), testCommand(host), callCommand(host), explainCommand(host), replayCommand(host), importCommand(), secretCommand(),
	)
}

// printJSON prints a value for programs, on one line.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
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
