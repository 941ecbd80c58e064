package lint_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/signpost-gateway/signpost"
)

// finding is one of those that `check --json` prints.
type finding struct {
	Rule, Severity, File, Name, Message, Help string
	Line, Column                              int
}

// written makes a file in the folder, and gives its path.
func written(t testing.TB, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// printed runs `caddy signpost check` over a file.
func printed(t testing.TB, args ...string) string {
	t.Helper()
	cmd := &cobra.Command{Use: "signpost", SilenceUsage: true, SilenceErrors: true}
	caddycmd.Commands()["signpost"].CobraFunc(cmd)
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(new(bytes.Buffer))
	cmd.SetArgs(append([]string{"check"}, args...))
	if err := cmd.Execute(); err != nil && out.Len() == 0 {
		t.Fatalf("checking: %v", err)
	}
	return out.String()
}

// check gives what is found in a configuration, or in policies alone, in a folder of
// its own.
func check(t testing.TB, folder, text string) []finding {
	t.Helper()
	name := "Caddyfile"
	if strings.HasPrefix(text, "policy ") {
		name = "store.caddyfile"
	}
	var report struct{ Findings []finding }
	out := printed(t, "--json", written(t, folder, name, text))
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("reading %s: %v", out, err)
	}
	return report.Findings
}

// brief writes findings shortly: the line and the rule, and the severity where it is
// not a warning.
func brief(all []finding) string {
	words := make([]string, len(all))
	for i, f := range all {
		words[i] = fmt.Sprintf("%d:%s", f.Line, f.Rule)
		if f.Rule == "" {
			words[i] = fmt.Sprintf("%d:mistake", f.Line)
		}
		if f.Severity != "warning" && f.Rule != "" {
			words[i] += "/" + f.Severity
		}
	}
	return strings.Join(words, " ")
}

// in makes a policy without any finding of its own of further lines. They begin on
// line 6.
func in(lines ...string) string {
	return "policy store https://api.store.example {\n\ttimeout 4s\n\tfallback {\n\t\troute handoff\n\t}\n\t" +
		strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\n\t") + "\n}\n"
}
