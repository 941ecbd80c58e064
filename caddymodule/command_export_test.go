package caddymodule

import (
	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/caddymodule/command"
)

// Command is `caddy signpost` without Caddy around it.
func Command() *cobra.Command {
	cmd := &cobra.Command{Use: directive, SilenceUsage: true}
	command.Describe(cmd, host{})
	return cmd
}
