package console

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

// pageFiles are the embedded files, by name.
func pageFiles(t *testing.T) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(pages, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(pages, name)
		files[path.Base(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatalf("reading the page: %v", err)
	}
	if len(files) < 10 {
		t.Fatalf("the page has only %d files", len(files))
	}
	return files
}

func TestThePageNeverMakesMarkupOrCodeOfText(t *testing.T) {
	banned := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setHTML|DOMParser|createContextualFragment|srcdoc=|setTimeout\(['"` + "`" + `]`)
	for name, content := range pageFiles(t) {
		if found := banned.FindString(content); found != "" {
			t.Errorf("%s holds %s", name, found)
		}
	}
}

func TestThePageHoldsNothingThatItsPolicyForbids(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script(?:[^>]*)>[^<]|<iframe|<base|@import|@font-face`)
	for name, content := range pageFiles(t) {
		if path.Ext(name) == ".js" {
			continue
		}
		if found := inline.FindString(content); found != "" {
			t.Errorf("%s holds %q", name, found)
		}
	}
}

func TestThePageAsksNoOtherHost(t *testing.T) {
	addresses := regexp.MustCompile(`\b(?:https?|wss?):/?/?[^\s'"` + "`" + `<>)]*|//[a-z0-9-]+\.[a-z]{2,}[^\s'"]*`)
	// None of these is asked: a namespace, what the page compares schemes
	// with, and what its examples say.
	allowed := map[string]bool{
		"http://www.w3.org/2000/svg": true, "https:": true, "http:": true,
		"http://localhost:8080/": true, "https://api.store.example/v2": true,
	}
	for name, content := range pageFiles(t) {
		for _, found := range addresses.FindAllString(content, -1) {
			if !allowed[found] {
				t.Errorf("%s refers to %s", name, found)
			}
		}
	}
}

// imported finds what a module imports, and from where.
var imported = regexp.MustCompile(`(?m)^import (?:(\{[^}]*\}) from )?'([^']+)';$`)

func TestEveryImportIsEmbeddedAndExported(t *testing.T) {
	files := pageFiles(t)
	reached := map[string]bool{}
	for name, content := range files {
		if path.Ext(name) != ".js" {
			continue
		}
		imports := imported.FindAllStringSubmatch(content, -1)
		if lines := strings.Count("\n"+content, "\nimport "); lines != len(imports) {
			t.Errorf("%s has %d imports, and %d of them could be read", name, lines, len(imports))
		}
		for _, line := range imports {
			target := strings.TrimPrefix(line[2], "./")
			reached[target] = true
			exporter, ok := files[target]
			if !ok || !strings.HasPrefix(line[2], "./") {
				t.Errorf("%s imports %s, which is not there", name, line[2])
			}
			for _, word := range strings.FieldsFunc(line[1], func(r rune) bool { return strings.ContainsRune("{}, ", r) }) {
				exported := regexp.MustCompile(`(?m)^export (?:async )?(?:function|const|class) ` + word + `\b`)
				if !exported.MatchString(exporter) {
					t.Errorf("%s imports %s from %s, which does not export it", name, word, target)
				}
				body := imported.ReplaceAllString(content, "")
				if !regexp.MustCompile(`\b` + word + `\b`).MatchString(body) {
					t.Errorf("%s imports %s and does not use it", name, word)
				}
			}
		}
	}
	for name := range files {
		if path.Ext(name) == ".js" && name != "app.js" && !reached[name] {
			t.Errorf("nothing imports %s", name)
		}
	}
}

func TestEveryExportIsUsedElsewhere(t *testing.T) {
	files := pageFiles(t)
	exported := regexp.MustCompile(`(?m)^export (?:async )?(?:function|const|class) (\w+)`)
	for name, content := range files {
		for _, found := range exported.FindAllStringSubmatch(content, -1) {
			used := false
			for other, text := range files {
				used = used || (other != name && path.Ext(other) == ".js" && regexp.MustCompile(`\b`+found[1]+`\b`).MatchString(text))
			}
			if !used {
				t.Errorf("%s exports %s, which nothing else uses", name, found[1])
			}
		}
	}
}

func TestTheFilesThatThePageNamesAreServed(t *testing.T) {
	files := pageFiles(t)
	named := regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(files[pageName], -1)
	if len(named) < 4 {
		t.Fatalf("the page names only %v", named)
	}
	for _, name := range named {
		if _, ok := files[name[1]]; !ok {
			t.Errorf("the page names %s, which is not embedded", name[1])
		}
	}
	for name, file := range embedded() {
		if file.contentType == "" {
			t.Errorf("%s has no content type", name)
		}
	}
}

func TestThePageKnowsEveryWordOfTheAPI(t *testing.T) {
	scripts := ""
	for name, content := range pageFiles(t) {
		if path.Ext(name) == ".js" {
			scripts += content
		}
	}
	for _, word := range apiWords {
		if !regexp.MustCompile(`(?:get|post)\((?:path\(|query\()?'` + word + `'`).MatchString(scripts) {
			t.Errorf("the page never asks for %s", word)
		}
	}
}

func TestThePageKnowsEveryOutcome(t *testing.T) {
	_, list, _ := strings.Cut(pageFiles(t)["format.js"], "OUTCOMES = {")
	list, _, _ = strings.Cut(list, "}")
	known := regexp.MustCompile(`(?m)^  (\w+): '`).FindAllStringSubmatch(list, -1)
	if len(known) != len(policy.Outcomes()) {
		t.Errorf("the page knows %d outcomes, want %d", len(known), len(policy.Outcomes()))
	}
	for _, outcome := range policy.Outcomes() {
		if !strings.Contains(list, "  "+string(outcome)+": '") {
			t.Errorf("the page does not know %s", outcome)
		}
	}
}
