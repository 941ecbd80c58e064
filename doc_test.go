package signpost_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fileName finds the names of files in a package's documentation, but for those of
// other folders.
var fileName = regexp.MustCompile(`(^|[\s(])([a-z][a-z0-9_]*\.go)\b`)

func TestFilesThatPackagesSpeakOfAreThere(t *testing.T) {
	found := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".") && path != ".") {
			return filepath.SkipDir
		}
		if entry.Name() != "doc.go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return err
		}
		for _, m := range fileName.FindAllStringSubmatch(file.Doc.Text(), -1) {
			found++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[2])); err != nil {
				t.Errorf("%s speaks of %s, which is not there", path, m[2])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 100 {
		t.Errorf("only %d names of files were found", found)
	}
}
