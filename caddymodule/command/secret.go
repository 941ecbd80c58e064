package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/signpost-gateway/signpost/policy/secret"
)

// maxInput bounds a value on standard input, in bytes. No file of secrets holds as much.
const maxInput = 1 << 20

// secretCommand is `caddy signpost secret`.
func secretCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Keeps secrets in an encrypted file",
		Long: `
Keeps the secrets that policies inject in a file that is encrypted with age
(https://age-encryption.org), so that it can lie beside the Caddyfile and in its
repository. The identity is the file with the key. It belongs in neither, and
nobody but the user that Caddy runs as may read it.

	$ caddy signpost secret init secrets.age key.txt
	$ caddy signpost secret set secrets.age key.txt store_token
	Value of store_token (not shown):
	set store_token
	$ caddy signpost secret list secrets.age key.txt
	store_token

In the Caddyfile, where {secret.store_token} is then looked up:

	{
		signpost {
			secrets age secrets.age key.txt
			…

A running Signpost sees a change within a second. Run these commands as the user
that Caddy runs as, since the file belongs to whoever changed it last.

Decrypted, the file is YAML, and the age command reads and writes it too. A
change by these commands orders it anew and does not keep comments:

	secrets:
	  store_token: s3cr3t
	tenants:
	  acme:
	    store_token: acme-s3cr3t
`,
	}
	group(cmd, secretInit(), secretSet(), secretList(), secretRemove())
	return cmd
}

// secretInit is `caddy signpost secret init`.
func secretInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init <file> <identity>",
		Short: "Makes an encrypted file without secrets, and its identity",
		Long: `
Makes an encrypted file without secrets. Where the identity is not there yet, it
is made too, for its owner alone to read; one that is there is used. Nothing is
ever overwritten.

	$ caddy signpost secret init secrets.age key.txt
	created the identity key.txt: keep a copy, as the secrets are lost with it
	created secrets.age for age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p

Two files, such as of two gateways, may share an identity:

	$ caddy signpost secret init staging.age key.txt
	created staging.age
`,
		DisableFlagsInUseLine: true,
		Args:                  arguments("<file> <identity>", 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			publicKey, err := ageFile(args).Create()
			made := "created " + args[0]
			if publicKey != "" {
				cmd.PrintErrf("created the identity %s: keep a copy, as the secrets are lost with it\n", args[1])
				made += " for " + publicKey
			}
			if err == nil {
				cmd.PrintErrln(made)
			}
			return err
		},
	}
}

// secretSet is `caddy signpost secret set`.
func secretSet() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set <file> <identity> [<tenant>/]<name>",
		Short: "Adds or replaces a secret, with the value on standard input",
		Long: `
Adds a secret, or replaces it, shared or of a tenant. The value is read from
standard input, without the line break at its end. From a terminal it is one line, which
is asked for and not shown. It is never an argument, because other users of the machine
can see those, and the shell keeps them.

	$ caddy signpost secret set secrets.age key.txt store_token
	Value of store_token (not shown):
	set store_token

	$ pass show acme/store | caddy signpost secret set secrets.age key.txt acme/store_token
	set acme/store_token

	$ caddy signpost secret set secrets.age key.txt signing_key < private.pem
	replaced signing_key

A name is [a-z0-9][a-z0-9_.-]* without "__". A value is text of 1 byte to 64 KiB.
`,
		DisableFlagsInUseLine: true,
		Args:                  setArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := secret.ParseAgeName(args[2])
			if err != nil {
				return fmt.Errorf("reading the name of the secret: %w", err)
			}
			file := ageFile(args)
			// Before a value is asked for in vain.
			if _, err := os.Stat(file.Path); errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no %s: make it with `caddy signpost secret init`", file.Path)
			}
			if _, err := file.Names(); err != nil {
				return err
			}
			value, err := readValue(cmd, name.String())
			if err != nil {
				return err
			}
			replaced, err := file.Set(name, value)
			switch {
			case err != nil:
				return err
			case replaced:
				cmd.PrintErrln("replaced", name)
			default:
				cmd.PrintErrln("set", name)
			}
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(*cobra.Command, error) error { // Whose text holds the flag, which may be a value.
		return errors.New("unknown flag: the value is read from standard input, and only --help is a flag")
	})
	return cmd
}

// setArguments refuses values among the arguments, and repeats none.
func setArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 3 || len(args) == 3 && strings.Contains(args[2], "=") {
		return errors.New("expected <file> <identity> [<tenant>/]<name> and no value: it is read from standard input, as other users can see arguments")
	}
	return arguments("<file> <identity> [<tenant>/]<name>", 3)(cmd, args)
}

// secretList is `caddy signpost secret list`.
func secretList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list <file> <identity> [--json]",
		Short: "Lists the names of the secrets",
		Long: `
Lists the names of the secrets, the shared ones first, never values.

	$ caddy signpost secret list secrets.age key.txt
	store_token
	acme/store_token

	$ caddy signpost secret list secrets.age key.txt --json
	[{"name":"store_token"},{"tenant":"acme","name":"store_token"}]
`,
		DisableFlagsInUseLine: true,
		Args:                  arguments("<file> <identity>", 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := ageFile(args).Names()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), names)
			}
			for _, name := range names {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), name); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print a JSON array, for programs")
	return cmd
}

// secretRemove is `caddy signpost secret rm`.
func secretRemove() *cobra.Command {
	return &cobra.Command{
		Use:   "rm <file> <identity> [<tenant>/]<name>",
		Short: "Removes a secret",
		Long: `
Removes a secret, shared or of a tenant. One that is not there is an error. A
tenant without a secret of its own has the shared one where the policy says
{secret.NAME}.

	$ caddy signpost secret rm secrets.age key.txt acme/store_token
	removed acme/store_token
`,
		DisableFlagsInUseLine: true,
		Args:                  arguments("<file> <identity> [<tenant>/]<name>", 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := secret.ParseAgeName(args[2])
			if err != nil {
				return fmt.Errorf("reading the name of the secret: %w", err)
			}
			if err := ageFile(args).Remove(name); err != nil {
				return err
			}
			cmd.PrintErrln("removed", name)
			return nil
		},
	}
}

// ageFile is the file that the first two arguments name.
func ageFile(args []string) secret.AgeFile { return secret.AgeFile{Path: args[0], Identity: args[1]} }

// arguments expects n arguments, none of them empty, as that of an unset variable is.
func arguments(usage string, n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			noun := "arguments"
			if n == 1 {
				noun = "argument"
			}
			return fmt.Errorf("expected %d %s, %s: got %d", n, noun, usage, len(args))
		}
		for i, arg := range args {
			if arg == "" {
				return fmt.Errorf("expected %s, but argument %d is empty", usage, i+1)
			}
		}
		return nil
	}
}

// readValue reads a secret from standard input. What is asked goes to standard error.
func readValue(cmd *cobra.Command, name string) (secret.Secret, error) {
	if file, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		cmd.PrintErrf("Value of %s (not shown): ", name)
		value, err := readHidden(int(file.Fd()))
		cmd.PrintErrln()
		return secret.New(string(value)), err
	}
	value, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxInput))
	if err != nil {
		if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
			err = pathError.Err
		}
		return secret.Secret{}, fmt.Errorf("reading the value from standard input: %w", err)
	}
	text, ended := strings.CutSuffix(string(value), "\n")
	if ended {
		text = strings.TrimSuffix(text, "\r")
	}
	return secret.New(text), nil
}

// readHidden reads a line from a terminal that does not show it, and shows what is typed again however it ends.
func readHidden(terminal int) ([]byte, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return nil, fmt.Errorf("reading the value from the terminal: %w", err)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupted)
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() { // Ends with the process, where the user gives up.
		text, err := term.ReadPassword(terminal)
		read <- line{text, err}
	}()
	select {
	case <-interrupted:
		return nil, errors.Join(errors.New("interrupted"), term.Restore(terminal, before))
	case l := <-read:
		if l.err != nil {
			return nil, fmt.Errorf("reading the value from the terminal: %w", l.err)
		}
		return l.text, nil
	}
}
