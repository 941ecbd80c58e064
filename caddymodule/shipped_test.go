package caddymodule

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/lint"
)

func TestCheckHasNothingToComplainOfInWhatShips(t *testing.T) {
	t.Chdir("..")
	checked := 0
	for _, root := range []string{"Caddyfile", "configs", "examples"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() && entry.Name() == "node_modules" {
				return filepath.SkipDir
			}
			if entry.IsDir() || !strings.HasSuffix(entry.Name(), "Caddyfile") {
				return nil
			}
			c, err := host{}.Load(path, "")
			if err != nil && strings.Contains(err.Error(), "no policies") {
				return nil // A third party's.
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return nil
			}
			checked++
			report := lint.Check(lint.Subject{Spec: &c.Spec, Sites: c.Sites, Tested: lint.Tested(path)})
			for _, f := range report.Findings {
				if f.Severity != lint.Note {
					t.Errorf("%s: %+v", path, f)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if checked < 16 {
		t.Errorf("only %d configurations were checked", checked)
	}
}
