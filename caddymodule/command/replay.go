package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/author/terminal"
)

// replayCommand is `caddy signpost replay`.
func replayCommand(host Host) *cobra.Command {
	var r replaying
	cmd := &cobra.Command{
		Use: "replay <file…> [--config <path>] [--adapter <name>] [--before <path>] [--policy <name>] [--limits recorded|on|off] " +
			"[--max <n>] [--fail-on-difference] [--json]",
		Short: "Tells what a changed configuration would make of recorded calls",
		Long: `
Plays recorded calls through a configuration, without network, secrets and clock,
and prints which of them would be routed, answered or refused otherwise. What the
third party did, and how long it took, is what was recorded.

The files are what the admin endpoint exports, one or more calls as it gives them
or as caddy signpost call --json prints them, or HAR files; - is standard input,
and each may be compressed with gzip:

	$ curl -s localhost:2019/signpost/calls/export > calls.ndjson
	$ caddy signpost replay calls.ndjson
	Different:
	  120  store.order_status  route shipped → preparing  e.g. 4bf92f3577b34da6, 6e0c63257de34c92, b7ad6b7169203331, …

	1204 calls: 1084 the same, 120 different.

The log keeps the last 20 calls of a policy, and 4KiB of each body, unless it says
more: record 1000 bodies 64KiB. An answer of which a part is missing can only be
replayed where nothing reads it. What cannot be replayed is told with the reason.

A HAR file is what a browser or a proxy has recorded. Calls in it that a bot made
to Signpost are compared with the verdict in their answers. Of calls that somebody
made to the third party itself it is told what they come to now, or what would
change from one configuration to the other:

	$ caddy signpost replay recorded.har --before Caddyfile.live

Rate limits, concurrency and breakers are not asked, since a log holds no more
than the last calls: what one of them refused then is refused again, and nothing
else is. With --limits on they are asked, at the times at which the calls were
made, which is right for recordings without gaps; with --limits off nothing is
refused. Of a call that was refused then and would be sent now, nobody knows the
answer, and that is said.

The exit status is 1 where a file cannot be read to its end and, with
--fail-on-difference, where anything differs; else 0.
`,
		DisableFlagsInUseLine: true,
		Args:                  cobra.MinimumNArgs(1),
		RunE:                  func(cmd *cobra.Command, args []string) error { return r.replay(cmd, host, args) },
	}
	flags := cmd.Flags()
	r.source.addFlags(cmd)
	flags.StringVar(&r.before, "before", "", "Configuration to compare with (default: what was recorded)")
	flags.StringVar(&r.options.Policy, "policy", "", "Replay only the calls of this policy")
	flags.StringVar(&r.limits, "limits", string(replay.LimitsRecorded), "Ask limits and breakers: recorded, on or off")
	flags.IntVar(&r.options.Max, "max", 0, "Read at most so many calls (default: all)")
	flags.BoolVar(&r.fail, "fail-on-difference", false, "Exit with status 1 where anything differs")
	flags.BoolVar(&r.asJSON, "json", false, "Print JSON, for programs")
	if err := cmd.RegisterFlagCompletionFunc("limits", cobra.FixedCompletions(allLimits, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // Not reached: there is such a flag.
	}
	return briefly(cmd)
}

// allLimits are the values of --limits.
var allLimits = []string{string(replay.LimitsRecorded), string(replay.LimitsOn), string(replay.LimitsOff)}

// replaying are the flags of replay.
type replaying struct {
	source         source
	before, limits string
	options        replay.Options
	fail, asJSON   bool
}

// replay plays the files and prints what became of the calls.
func (r *replaying) replay(cmd *cobra.Command, host Host, paths []string) error {
	if err := r.check(paths); err != nil {
		return err
	}
	config, err := r.source.load(host)
	if err != nil {
		return err
	}
	config.warn(cmd.ErrOrStderr())
	if err := r.checkPolicy(config); err != nil {
		return err
	}
	r.options.TenantHeader, r.options.Limits = config.TenantHeader, replay.Limits(r.limits)
	if r.before != "" {
		before := source{config: r.before, adapter: r.source.adapter}
		old, err := before.load(host)
		if err != nil {
			return fmt.Errorf("reading the configuration before: %w", err)
		}
		r.options.Before = &old.Spec
	}
	inputs, total, err := openAll(cmd.InOrStdin(), paths)
	if err != nil {
		return err
	}
	defer inputs.close()
	progress := terminal.NewProgress(cmd.ErrOrStderr(), "replaying", total, terminal.Bytes)
	report, err := replay.Run(&config.Spec, r.options, inputs.watched(progress)...)
	progress.Done()
	if err != nil {
		return oneALine(err)
	}
	return r.tell(cmd, report)
}

// check finds what contradicts itself.
func (r *replaying) check(paths []string) error {
	stdin := 0
	for _, path := range append(slices.Clone(paths), r.source.config, r.before) {
		if path == "-" {
			stdin++
		}
	}
	switch {
	case stdin > 1:
		return errors.New("- stands more than once: standard input can only be read once")
	case !slices.Contains(allLimits, r.limits):
		return fmt.Errorf("--limits is %q: expected one of %s", r.limits, strings.Join(allLimits, ", "))
	case r.options.Max < 0:
		return fmt.Errorf("--max is %d: expected how many calls are read at most", r.options.Max)
	}
	return nil
}

// checkPolicy tells of a policy that there is not.
func (r *replaying) checkPolicy(c *Config) error {
	names := make([]string, len(c.Spec.Policies))
	for i := range c.Spec.Policies {
		names[i] = c.Spec.Policies[i].Name
	}
	if r.options.Policy == "" || slices.Contains(names, r.options.Policy) {
		return nil
	}
	return fmt.Errorf("there is no policy %q%s", r.options.Policy, suggest(r.options.Policy, names))
}

// tell prints the report, and gives the exit status.
func (r *replaying) tell(cmd *cobra.Command, report *replay.Report) error {
	write := report.Write
	if r.asJSON {
		write = report.WriteJSON
	}
	if r.asJSON || report.Calls > 0 || len(report.Mistakes) == 0 { // Else nothing was read.
		if err := write(cmd.OutOrStdout()); err != nil {
			return err
		}
	}
	for _, mistake := range report.Mistakes {
		fmt.Fprintln(cmd.ErrOrStderr(), terminal.Safe(mistake))
	}
	if len(report.Mistakes) > 0 || r.fail && report.Differs() {
		return Exit{StatusFailed}
	}
	return nil
}

// inputs are opened files.
type inputs struct {
	replay []replay.Input
	files  []io.Closer
}

// openAll opens all files before any is read. total is how long they are together,
// 0 where nobody knows.
func openAll(stdin io.Reader, paths []string) (in inputs, total int64, err error) {
	known := true
	for _, path := range paths {
		if path == "-" {
			known = false
			in.replay = append(in.replay, replay.Input{Name: "standard input", From: stdin})
			continue
		}
		file, err := os.Open(path)
		if err != nil {
			in.close()
			return inputs{}, 0, fmt.Errorf("reading recorded calls: %w", err)
		}
		in.files = append(in.files, file)
		in.replay = append(in.replay, replay.Input{Name: path, From: file})
		info, err := file.Stat()
		if err == nil && info.IsDir() {
			in.close()
			return inputs{}, 0, fmt.Errorf("reading recorded calls: %s is a folder: name the files in it", path)
		}
		if known = known && err == nil && info.Mode().IsRegular(); known {
			total += info.Size()
		}
	}
	if !known {
		total = 0
	}
	return in, total, nil
}

// close closes the files.
func (in *inputs) close() {
	for _, file := range in.files {
		file.Close()
	}
}

// watched gives the inputs, of which progress is told as they are read.
func (in *inputs) watched(progress *terminal.Progress) []replay.Input {
	watched := slices.Clone(in.replay)
	for i := range watched {
		watched[i].From = &counted{watched[i].From, progress}
	}
	return watched
}

// counted tells how much is read.
type counted struct {
	io.Reader
	progress *terminal.Progress
}

// Read reads on.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.progress.Add(int64(n))
	return n, err
}
