package command

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// maxRepeated bounds what an error repeats of a thing that was given, in bytes.
const maxRepeated = 200

// longWord is a word that is longer, wherever it comes from.
var longWord = regexp.MustCompile(`\S{201,}`)

// briefError is an error whose text was cut.
type briefError struct {
	text string
	err  error
}

// Error gives the text.
func (e *briefError) Error() string { return e.text }

// Unwrap gives the error with its whole text.
func (e *briefError) Unwrap() error { return e.err }

// brief cuts what an error repeats: long words, and what was given.
func brief(err error, given ...string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, g := range given {
		if len(g) > maxRepeated {
			text = strings.ReplaceAll(text, g, cut(g))
			quoted := strings.Trim(strconv.Quote(g), `"`)
			text = strings.ReplaceAll(text, quoted, cut(quoted))
		}
	}
	if text = longWord.ReplaceAllStringFunc(text, cut); text == err.Error() {
		return err
	}
	return &briefError{text, err}
}

// cut gives the beginning of a text.
func cut(s string) string {
	if len(s) <= maxRepeated {
		return s
	}
	return strings.ToValidUTF8(s[:maxRepeated], "") + "…"
}

// briefly makes the errors of a command and of its flags brief.
func briefly(cmd *cobra.Command) *cobra.Command {
	run, args, flags := cmd.RunE, cmd.Args, cmd.FlagErrorFunc()
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return brief(run(cmd, args), given(cmd, args)...) }
	cmd.Args = func(cmd *cobra.Command, given []string) error { return brief(args(cmd, given), given...) }
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return brief(flags(cmd, err)) })
	return cmd
}

// texts are the flags that hold any text.
var texts = []string{"name", "output", "tests", "server", "operation", "tag", "variable", "config", "adapter", "before", "policy", "limits"}

// given are the arguments and the values of such flags.
func given(cmd *cobra.Command, args []string) []string {
	all := slices.Clone(args)
	for _, name := range texts {
		if f := cmd.Flag(name); f != nil {
			all = append(all, f.Value.String())
		}
	}
	return all
}
