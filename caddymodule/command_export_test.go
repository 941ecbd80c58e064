package caddymodule

import "github.com/spf13/cobra"

// Command is `caddy signpost` without Caddy around it.
func Command() *cobra.Command {
	cmd := &cobra.Command{Use: directive, SilenceUsage: true}
	describe(cmd)
	return cmd
}
