package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
)

// testCommand is `caddy signpost test`.
func testCommand(host Host) *cobra.Command {
	t := tester{host: host}
	cmd := &cobra.Command{
		Use:   "test [--run <regexp>] [--coverage[=<percent>]] [--diff] [--watch] [--verbose] [--json] [--junit <file>] [<path>…]",
		Short: "Runs policy tests, without network and clock",
		Long: `
Runs the tests in files named *_test.yaml: of the paths, which are files or folders
to search, else of the working folder. Each test says what the third party answers
and which branch the bot has to get. The gateway's own engine decides, with limits,
breakers and fallbacks; only the network and the time are not real, so that an hour
passes at once.

	$ cat store_test.yaml
	config: Caddyfile
	policy: store
	operation: order_status
	tests:
	  - name: a shipped order
	    given: {status: 200, body: {order: {status: shipped}}}
	    expect: {route: shipped, next: continue}
	$ caddy signpost test
	ok 1 test, 2 ms

A test that fails shows what came instead, and why: which hints were asked, in order,
and what each of them read. --diff shows JSON line by line.

Coverage tells which hints, defaults and fallbacks no test reached. With a number,
fewer percent than that are a failure:

	$ caddy signpost test --coverage=100
	Caddyfile:16: store.order_status: hint not_found status == 404: no test reached it
	ok 1 test, 2 ms
	coverage 75 % (3 of 4 branches) of Caddyfile: expected at least 100 %

Of folders, all policies of the configurations that are tested count; of files that
are named one by one, those that the files test.

Tests can be chosen by what they call and their name, and run again whenever a file
changes:

	$ caddy signpost test --run 'store.order_status/.*shipped'
	$ caddy signpost test --watch

The exit status is 1 where a test fails, or too few branches are reached.
`,
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE:                  t.run,
	}
	t.source.addFlags(cmd)
	flags := cmd.Flags()
	flags.Lookup("config").Usage = "Configuration to test instead of those that the files name"
	flags.StringVar(&t.match, "run", "", "Run the tests of whose <policy>.<operation>/<name> a part matches")
	flags.StringVar(&t.coverage, "coverage", "", "Tell which branches no test reached, and fail below so many percent")
	flags.Lookup("coverage").NoOptDefVal = "0"
	flags.BoolVar(&t.diff, "diff", false, "Show what differs line by line")
	flags.BoolVarP(&t.verbose, "verbose", "v", false, "Name the tests that pass, too")
	flags.BoolVar(&t.watch, "watch", false, "Run again whenever a file changes, until interrupted")
	flags.BoolVar(&t.asJSON, "json", false, "Print JSON, for programs")
	flags.StringVar(&t.junit, "junit", "", "Write a report in the form of JUnit as well, for CI systems")
	return cmd
}

// tester are the flags of test.
type tester struct {
	host                         Host
	source                       source
	match, coverage, junit       string
	diff, verbose, watch, asJSON bool

	// parts are the files of which configurations are made, for watching.
	mu    sync.Mutex
	parts []string
}

// run runs the tests, once or whenever something changes.
func (t *tester) run(cmd *cobra.Command, paths []string) error {
	options, threshold, err := t.options(paths)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !t.watch {
		return t.once(ctx, cmd, paths, options, threshold)
	}
	return policytest.Watch(ctx, func() []string { return t.uses(paths) }, func() {
		err := t.once(ctx, cmd, paths, options, threshold)
		var exit Exit
		if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
			cmd.PrintErrln("Error:", err)
		}
		cmd.PrintErrln("waiting for changes, until interrupted")
	})
}

// options reads the flags.
func (t *tester) options(paths []string) (o policytest.Options, threshold float64, err error) {
	o.WholeConfigurations = len(paths) == 0 || slices.ContainsFunc(paths, isFolder)
	if t.match != "" {
		if o.Match, err = regexp.Compile(t.match); err != nil {
			return o, 0, fmt.Errorf("reading --run: %w", err)
		}
	}
	for _, path := range paths {
		if _, err := strconv.Atoi(path); err == nil && t.coverage == "0" {
			return o, 0, fmt.Errorf("%s is a path here: expected --coverage=%[1]s", path)
		}
	}
	if t.coverage != "" {
		threshold, err = strconv.ParseFloat(strings.TrimSuffix(t.coverage, "%"), 64)
		if err != nil || !(threshold >= 0 && threshold <= 100) {
			return o, 0, fmt.Errorf("--coverage=%s is no share of branches: expected a number from 0 to 100", t.coverage)
		}
	}
	if t.watch && (t.asJSON || t.junit != "") {
		return o, 0, errors.New("--watch is for people: expected neither --json nor --junit beside it")
	}
	return o, threshold, nil
}

// isFolder tells whether a path is a folder's.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// once runs the tests and tells what became of them.
func (t *tester) once(ctx context.Context, cmd *cobra.Command, paths []string, o policytest.Options, threshold float64) error {
	files, err := readTests(paths)
	if err == nil {
		err = t.override(files)
	}
	if err != nil {
		return complain(cmd, err)
	}
	report, err := policytest.Run(ctx, files, t.load(cmd), o)
	if err != nil {
		return complain(cmd, err)
	}
	if len(report.Results) == 0 {
		return fmt.Errorf("no test matches %q: expected a part of such as store.order_status/a shipped order", t.match)
	}
	if t.junit != "" {
		if err := t.writeJUnit(report); err != nil {
			return err
		}
	}
	out := cmd.OutOrStdout()
	if t.asJSON {
		err = policytest.WriteJSON(out, report)
	} else {
		text := policytest.Text{
			Style: terminal.For(out), Verbose: t.verbose, Diff: t.diff, Coverage: t.coverage != "", Threshold: threshold,
		}
		err = text.Write(out, report)
	}
	if err != nil {
		return err
	}
	if report.Failed() > 0 || len(report.Below(threshold)) > 0 {
		return Exit{StatusFailed}
	}
	return nil
}

// readTests reads all files of tests, or tells all that is wrong with any.
func readTests(paths []string) ([]policytest.File, error) {
	names, err := policytest.Find(paths)
	if err != nil {
		return nil, err
	}
	var mistakes policy.Mistakes
	files := make([]policytest.File, 0, len(names))
	for _, name := range names {
		file, err := policytest.Read(name)
		var wrong policy.Mistakes
		switch {
		case errors.As(err, &wrong):
			mistakes = append(mistakes, wrong...)
		case err != nil:
			return nil, err
		default:
			files = append(files, *file)
		}
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return files, nil
}

// override puts the configuration of --config in place of those that files name.
func (t *tester) override(files []policytest.File) error {
	if t.source.config == "" {
		return nil
	}
	whole, err := filepath.Abs(t.source.config)
	if err != nil {
		return fmt.Errorf("finding the configuration: %w", err)
	}
	for i := range files {
		files[i].Config, files[i].Adapter = whole, t.source.adapter
	}
	return nil
}

// load gives the configuration of a file of tests.
func (t *tester) load(cmd *cobra.Command) func(policytest.File) (*policy.Spec, error) {
	return func(f policytest.File) (*policy.Spec, error) {
		config, err := t.host.Load(f.ConfigPath(), f.Adapter)
		if config != nil {
			t.mu.Lock()
			t.parts = append(t.parts, config.Files...)
			t.mu.Unlock()
		}
		if err != nil {
			return nil, err
		}
		config.warn(cmd.ErrOrStderr())
		return &config.Spec, nil
	}
}

// uses gives the files that the tests are made of.
func (t *tester) uses(paths []string) []string {
	names, err := policytest.Find(paths)
	if err != nil {
		return paths
	}
	used := names
	for _, name := range names {
		if file, err := policytest.Read(name); err == nil {
			used = append(used, file.Uses()...)
		}
	}
	if t.source.config != "" {
		used = append(used, t.source.config)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	used = append(used, t.parts...)
	t.parts = nil
	return used
}

// writeJUnit writes the report for CI systems, in the place of one that is there.
func (t *tester) writeJUnit(r *policytest.Report) error {
	var text bytes.Buffer
	if err := policytest.WriteJUnit(&text, r); err != nil {
		return err
	}
	return writeAll(true, output{path: t.junit, text: text.Bytes()})
}
