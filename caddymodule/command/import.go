package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/signpost-gateway/signpost/author/curl"
	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/author/openapi"
	"github.com/signpost-gateway/signpost/author/postman"
	"github.com/signpost-gateway/signpost/author/terminal"
)

// importCommand is `caddy signpost import`.
func importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Makes a policy of a curl command, an OpenAPI document or a Postman collection",
		Long: `
Makes a policy of something that describes an API, and prints it: a piece of a
Caddyfile for the signpost block, with comments that say what is a guess.

	$ caddy signpost import curl "curl https://api.store.example/v2/orders/1001 -u ann:s3cr3t"
	$ caddy signpost import openapi store.yaml --output policies/store.caddyfile
	$ caddy signpost import postman store.postman_collection.json --whole > Caddyfile

Credentials become {secret.NAME}, and their values are nowhere in what is
printed. Nothing that is imported is run, and nothing is fetched. What could not
be taken over is told on standard error.
`,
	}
	group(cmd, briefly(importCurl()), briefly(importOpenAPI()), briefly(importPostman()))
	return briefly(cmd)
}

// importing are the flags that all imports have.
type importing struct {
	name          string
	whole, force  bool
	output, tests string
}

// addFlags gives a command those flags. withTests adds the one for tests.
func (i *importing) addFlags(cmd *cobra.Command, withTests bool) {
	flags := cmd.Flags()
	flags.StringVar(&i.name, "name", "", "Name of the policy (default: made of what is imported)")
	flags.BoolVar(&i.whole, "whole", false, "Print a complete Caddyfile, not the policy alone")
	flags.StringVarP(&i.output, "output", "o", "", "File to write instead of standard output")
	flags.BoolVar(&i.force, "force", false, "Replace files that are there already")
	if withTests {
		flags.StringVar(&i.tests, "tests", "", "File to write policy tests into, made of response examples; needs --output")
	}
}

// check tells what does not go together, before anything is read.
func (i *importing) check() error {
	switch {
	case i.tests == "":
	case i.output == "":
		return errors.New("--tests needs --output, the file with the policy that they test")
	case !strings.HasSuffix(i.tests, "_test.yaml"):
		return fmt.Errorf("--tests is %q: expected a name that ends in _test.yaml, by which tests are found", i.tests)
	case filepath.Clean(i.tests) == filepath.Clean(i.output):
		return errors.New("--tests and --output are the same file: name two")
	}
	for _, path := range []string{i.output, i.tests} {
		if path == "" {
			continue
		}
		if err := (output{path: path}).free(i.force); err != nil {
			return err
		}
	}
	return nil
}

// print writes the draft, once all of it is known to be good.
func (i *importing) print(cmd *cobra.Command, d *draft.Draft) error {
	var policy, tests bytes.Buffer
	if err := d.Caddyfile(&policy, i.whole); err != nil {
		return oneALine(err)
	}
	files := []output{{i.output, policy.Bytes()}}
	if i.tests != "" && len(d.Tests) > 0 {
		config, err := relative(i.tests, i.output)
		if err != nil {
			return err
		}
		if err := d.WriteTests(&tests, config); err != nil {
			return err
		}
		files = append(files, output{i.tests, tests.Bytes()})
	}
	if i.output == "" {
		files = nil
		if _, err := cmd.OutOrStdout().Write(policy.Bytes()); err != nil {
			return fmt.Errorf("writing the policy: %w", err)
		}
	}
	if err := writeAll(i.force, files...); err != nil {
		return err
	}
	for _, file := range files {
		cmd.PrintErrln("wrote", file.path)
	}
	for _, warning := range d.Warnings {
		cmd.PrintErrln("warning:", terminal.Safe(warning))
	}
	if i.tests != "" && len(d.Tests) == 0 {
		cmd.PrintErrln("warning: there are no examples of answers: no tests were made")
	}
	return nil
}

// importCurl is `caddy signpost import curl`.
func importCurl() *cobra.Command {
	var flags importing
	cmd := &cobra.Command{
		Use:   "curl ['<command>'] [flags]",
		Short: "Makes a policy of a curl command",
		Long: `
Makes a policy with one operation of a curl command, as a browser's developer
tools copy it (Copy as cURL), and documentation prints it. The command is one
argument, or stands on standard input, where other users of the machine cannot
see it. It is read and never run.

	$ caddy signpost import curl 'curl https://api.store.example/v2/orders/1001 -H "Authorization: Bearer $TOKEN"'
	# Made of a curl command.
	…
	policy store https://api.store.example/v2 {
		inject bearer {secret.token}
		…
		operation get_order GET "/orders/{{order_id}}" {

	$ xclip -o | caddy signpost import curl --name store --output policies/store.caddyfile
	wrote policies/store.caddyfile

Credentials become secrets: the header Authorization, keys, cookies, -u. What
looks like data of one call becomes a variable. Options that would read files,
send several requests or run something are refused.
`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 { // They are not repeated: one may be a credential.
				return errors.New("expected the whole command as one argument: put it in quotes, or write it to standard input")
			}
			return nil
		},
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			command, err := readCommand(cmd, args)
			if err != nil {
				return err
			}
			d, err := curl.Import(command, curl.Options{Name: flags.name})
			if err != nil {
				return oneALine(err)
			}
			return flags.print(cmd, d)
		},
	}
	flags.addFlags(cmd, false)
	cmd.SetFlagErrorFunc(func(*cobra.Command, error) error { // Whose text holds the flag, which may be one of curl's with a credential.
		return errors.New("a flag that import does not have: put the whole curl command in quotes, as one argument, or see `caddy signpost import curl --help`")
	})
	return cmd
}

// readCommand gives the curl command.
func readCommand(cmd *cobra.Command, args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	if file, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		cmd.PrintErrln("The curl command, then Ctrl-D on a line of its own:")
	}
	text, err := readAll(cmd.InOrStdin(), curl.MaxCommand)
	if err != nil {
		return "", fmt.Errorf("reading the curl command from standard input: %w", err)
	}
	return string(text), nil
}

// read makes a draft of a file, and prints it.
func (i *importing) read(cmd *cobra.Command, path string, drafted func(io.Reader) (*draft.Draft, error)) error {
	if err := i.check(); err != nil {
		return err
	}
	file, err := openInput(cmd, path)
	if err != nil {
		return err
	}
	defer file.Close()
	d, err := drafted(file)
	if err != nil {
		return oneALine(err)
	}
	return i.print(cmd, d)
}

// importOpenAPI is `caddy signpost import openapi`.
func importOpenAPI() *cobra.Command {
	var flags importing
	var options openapi.Options
	cmd := &cobra.Command{
		Use:   "openapi <file> [flags]",
		Short: "Makes a policy of an OpenAPI document",
		Long: `
Makes a policy of an OpenAPI document, 3.0 or 3.1, JSON or YAML: its operations
with their variables, its security schemes as credentials to inject, and, with
--tests, its response examples as policy tests. The file - is standard input.
References to other documents are refused.

	$ caddy signpost import openapi store.yaml --output store.caddyfile --tests store_test.yaml
	wrote store.caddyfile
	wrote store_test.yaml
	$ caddy signpost test --coverage store_test.yaml

	$ caddy signpost import openapi store.yaml --operation getOrder --operation '^POST /orders' --tag shop
`,
		Args:                  arguments("<file>", 1),
		ValidArgsFunction:     cobra.FixedCompletions([]string{"json", "yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.File, options.Name = inputName(args[0]), flags.name
			return flags.read(cmd, args[0], func(file io.Reader) (*draft.Draft, error) { return openapi.Import(file, options) })
		},
	}
	flags.addFlags(cmd, true)
	cmd.Flags().StringArrayVar(&options.Operations, "operation", nil, "Take this one: its operationId, or a regular expression for it, its name, or method and path (repeatable)")
	cmd.Flags().StringArrayVar(&options.Tags, "tag", nil, "Take operations with this tag (repeatable)")
	cmd.Flags().StringVar(&options.Server, "server", "", "Base URL, or the number of one of the document's servers, from 0")
	cmd.Flags().StringToStringVar(&options.Variables, "variable", nil, "Variable of the server's address, k=v (repeatable)")
	return cmd
}

// importPostman is `caddy signpost import postman`.
func importPostman() *cobra.Command {
	var flags importing
	var options postman.Options
	cmd := &cobra.Command{
		Use:   "postman <file> [flags]",
		Short: "Makes a policy of a Postman collection",
		Long: `
Makes a policy of a Postman collection, v2.1 or v2.0: its requests as operations,
its authorization as credentials to inject, and, with --tests, its saved
responses as policy tests. The file - is standard input. Scripts are not run.

	$ caddy signpost import postman store.postman_collection.json --output store.caddyfile
	wrote store.caddyfile

	$ caddy signpost import postman store.json --server https://api.store.example/v2 --variable shop=acme
`,
		Args:                  arguments("<file>", 1),
		ValidArgsFunction:     cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.File, options.Name = inputName(args[0]), flags.name
			return flags.read(cmd, args[0], func(file io.Reader) (*draft.Draft, error) {
				text, err := readAll(file, postman.MaxCollection)
				if err != nil {
					return nil, fmt.Errorf("reading %s: %w", args[0], err)
				}
				return postman.Import(text, options)
			})
		},
	}
	flags.addFlags(cmd, true)
	cmd.Flags().StringVar(&options.Server, "server", "", "Base URL of requests whose address is a variable without a value")
	cmd.Flags().StringToStringVar(&options.Variables, "variable", nil, "Variable of the collection, k=v (repeatable)")
	return cmd
}

// inputName is what a file is called in messages.
func inputName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// openInput opens a file, or standard input where it is called -.
func openInput(cmd *cobra.Command, path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s", path)
	}
	if err != nil {
		return nil, fmt.Errorf("opening what to import: %w", err)
	}
	return file, nil
}

// readAll reads at most that many bytes, and fails where there are more.
func readAll(from io.Reader, most int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, int64(most)+1))
	if err == nil && len(text) > most {
		return nil, fmt.Errorf("more than %d bytes are too many", most)
	}
	return text, err
}
