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

// source are the flags that name a configuration.
type source struct{ config, adapter string }

// addFlags gives a command the flags --config and --adapter.
func (s *source) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.config, "config", "c", "", "Configuration file (default ./Caddyfile)")
	cmd.Flags().StringVarP(&s.adapter, "adapter", "a", "", "Adapter that reads it (default: by the file's name)")
}

// load reads the configuration. What is wrong with it is an error of one line each.
func (s *source) load(host Host) (*Config, error) {
	c, err := host.Load(s.config, s.adapter)
	return c, oneALine(err)
}

// oneALine puts several mistakes on lines of their own, behind how many they are.
func oneALine(err error) error {
	var mistakes policy.Mistakes
	if errors.As(err, &mistakes) && len(mistakes) > 1 {
		return fmt.Errorf("%d mistakes:\n%w", len(mistakes), err)
	}
	return err
}

// complain shows mistakes where they stand, each with its line. Any other error is left
// to be told.
func complain(cmd *cobra.Command, err error) error {
	var mistakes policy.Mistakes
	if !errors.As(err, &mistakes) {
		return err
	}
	out := cmd.ErrOrStderr()
	if err := lint.Check(lint.Subject{Mistakes: mistakes}).Print(out, terminal.For(out)); err != nil {
		return err
	}
	return Exit{StatusFailed}
}

// warn prints what the server says of a configuration.
func (c *Config) warn(w io.Writer) {
	for _, warning := range c.Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
}
