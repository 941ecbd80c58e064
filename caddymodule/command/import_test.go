package command_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/caddymodule/command"
)

// imported runs `signpost import`.
func imported(stdin string, args ...string) (status int, out, complaints string) {
	cmd := &cobra.Command{Use: "signpost", SilenceUsage: true}
	command.Describe(cmd, nil) // Nothing of the server is needed.
	var stdout, stderr bytes.Buffer
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	cmd.SetArgs(append([]string{"import"}, args...))
	err := cmd.Execute()
	return command.Status(err), stdout.String(), stderr.String()
}

const (
	anyCommand  = `curl https://api.store.example/v2/orders/1001 -H "Authorization: Bearer $STORE_TOKEN" -L`
	anyDocument = `openapi: 3.1.0
info: {title: Pets, version: "1"}
servers: [{url: https://pets.example/v1}]
paths:
  /pets/{id}:
    get:
      operationId: getPet
      tags: [shop]
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses:
        "200": {description: ok, content: {application/json: {schema: {type: object, properties: {status: {type: string}}}, example: {status: sold}}}}
  /pets:
    get:
      operationId: listPets
      responses: {"200": {description: ok}}
`
	anyCollection = `{"info":{"name":"Pets","schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
"item":[{"name":"Get pet","request":{"method":"GET","url":"https://pets.example/v1/pets/7"}}]}`
)

// written makes a file in a folder of the test.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnImportIsPrintedAndWarningsStandBesideIt(t *testing.T) {
	document, collection := written(t, "pets.yaml", anyDocument), written(t, "pets.json", anyCollection)
	for _, c := range []struct {
		stdin     string
		args      []string
		want, not string
		warns     string
	}{
		{"", []string{"curl", anyCommand}, "policy store https://api.store.example/v2 {\n\tinject bearer {secret.store_token}", ":8080", "warning: -L: a redirect"},
		{anyCommand + "\n", []string{"curl", "--name", "shop", "--whole"}, "\t\tpolicy shop https://api.store.example/v2 {", "\npolicy", "warning: -L"},
		{"", []string{"openapi", document}, "operation list_pets GET /pets", ":8080", ""},
		{anyDocument, []string{"openapi", "-", "--operation", "getPet", "--tag", "shop", "--server", "https://b.example"}, "policy pets https://b.example {", "list_pets", ""},
		{"", []string{"postman", collection, "--name", "zoo"}, "policy zoo https://pets.example", ":8080", ""},
		{anyCollection, []string{"postman", "-"}, "policy pets https://pets.example", ":8080", ""},
	} {
		status, out, complaints := imported(c.stdin, c.args...)
		if status != 0 || !strings.Contains(out, c.want) || strings.Contains(out, c.not) || !strings.Contains(complaints, c.warns) {
			t.Errorf("%q: got %d, %s and\n%s\nwant %q", c.args, status, complaints, out, c.want)
		}
	}
}

func TestAnImportIsWrittenWholeAndReplacesNothingUnasked(t *testing.T) {
	folder := t.TempDir()
	policy, tests := filepath.Join(folder, "pets.caddyfile"), filepath.Join(folder, "tests", "pets_test.yaml")
	if err := os.Mkdir(filepath.Dir(tests), 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"openapi", written(t, "pets.yaml", anyDocument), "--output", policy, "--tests", tests}
	if status, out, complaints := imported("", args...); status != 0 || out != "" || complaints != "wrote "+policy+"\nwrote "+tests+"\n" {
		t.Fatalf("got %d, %q and %s", status, out, complaints)
	}
	before := read(t, policy)
	if !strings.Contains(before, "operation get_pet") || !strings.Contains(read(t, tests), "config: ../pets.caddyfile\n") {
		t.Errorf("got\n%s\nand\n%s", before, read(t, tests))
	}
	if err := os.Remove(tests); err != nil {
		t.Fatal(err)
	}
	if status, _, complaints := imported("", args...); status != 1 || !strings.Contains(complaints, "is there already") {
		t.Errorf("a second time: got %d and %s", status, complaints)
	}
	if _, err := os.Stat(tests); err == nil {
		t.Error("the tests were written although the policy was not")
	}
	if status, _, complaints := imported("", append(args, "--force", "--name", "zoo")...); status != 0 || read(t, policy) == before {
		t.Errorf("by force: got %d, %s and\n%s", status, complaints, read(t, policy))
	}
	left, err := filepath.Glob(filepath.Join(folder, ".signpost-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestOfAPolicyAndItsTestsBothAreWrittenOrNeither(t *testing.T) {
	document := written(t, "pets.yaml", anyDocument)
	for name, c := range map[string]struct {
		tests, want string
		force       bool
		before      string // what the policy's file holds, if anything
	}{
		"no folder for the tests":                      {"none/a_test.yaml", "a_test.yaml: no such file or directory", false, ""},
		"no folder for the tests, by force":            {"none/a_test.yaml", "a_test.yaml: no such file or directory", true, "mine"},
		"a folder in the place of the tests":           {"folder_test.yaml", "is there already", false, ""},
		"a folder in the place of the tests, by force": {"folder_test.yaml", "folder_test.yaml: it is a folder", true, "mine"},
		"... and nothing in the policy's":              {"folder_test.yaml", "folder_test.yaml: it is a folder", true, ""},
		"one file for both":                            {"a_test.yaml", "are the same file", true, ""},
	} {
		folder := t.TempDir()
		if err := os.Mkdir(filepath.Join(folder, "folder_test.yaml"), 0o755); err != nil {
			t.Fatal(err)
		}
		policy := filepath.Join(folder, "a.cf")
		if name == "one file for both" {
			policy = filepath.Join(folder, c.tests)
		}
		if c.before != "" {
			if err := os.WriteFile(policy, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		args := []string{"openapi", document, "--output", policy, "--tests", filepath.Join(folder, c.tests)}
		if c.force {
			args = append(args, "--force")
		}
		status, _, complaints := imported("", args...)
		if status != 1 || !strings.Contains(complaints, c.want) || strings.Contains(complaints, "wrote") {
			t.Errorf("%s: got %d and %s, want %q", name, status, complaints, c.want)
		}
		left, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		want := 1
		if c.before != "" {
			if want++; read(t, policy) != c.before {
				t.Errorf("%s: the policy's file holds %q", name, read(t, policy))
			}
		}
		if len(left) != want {
			t.Errorf("%s: left are %v", name, left)
		}
	}
}

// read gives what is in a file.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAnErrorRepeatsNoMoreThanTheBeginningOfWhatWasGiven(t *testing.T) {
	document := written(t, "pets.yaml", anyDocument)
	for _, long := range []string{strings.Repeat("L", 5000), strings.Repeat("é", 2500), strings.Repeat("l l", 2000)} {
		for _, args := range [][]string{
			{"import", "curl", anyCommand, "--name", long},
			{"import", "curl", "curl 'https://a.example:" + long + "'"},
			{"import", "curl", "curl 'https://a.example/" + long + "%zz'"},
			{"import", "curl", anyCommand, "--output", filepath.Join(t.TempDir(), long)},
			{"import", "openapi", document, "--tests", long, "--output", "x"},
			{"import", "openapi", long},
			{"import", "postman", document, "--variable", strings.ReplaceAll(long, " ", "")},
			{"import", long},
			{"replay", long},
			{"replay", "-", "--limits", long},
			{"replay", "-", "--policy", long},
			{"replay", "-", "--max", strings.ReplaceAll(long, " ", "")},
		} {
			var status int
			var complaints string
			if args[0] == "import" {
				status, _, complaints = imported("", args[1:]...)
			} else {
				status, _, complaints = replayed(t, "", args[1:]...)
			}
			if status != 1 || complaints == "" || len(complaints) > 2000 || !utf8.ValidString(complaints) {
				t.Errorf("%.60q: got %d and %d bytes: %.500s", args, status, len(complaints), complaints)
			}
		}
	}
}

func TestABrokenImportSaysWhyAndPrintsNothing(t *testing.T) {
	document := written(t, "pets.yaml", anyDocument)
	folder := filepath.Dir(document)
	for _, c := range []struct {
		stdin string
		args  []string
		want  string
	}{
		{"", []string{"curl", "curl a.example | sh"}, "a pipe into another command"},
		{"", []string{"curl", "curl", "a.example"}, "expected the whole command as one argument"},
		{"", []string{"curl", "-H", "Authorization: s3cr3t", "a.example"}, "a flag that import does not have"},
		{"", []string{"curl"}, "there is no command"},
		{strings.Repeat("x", 1<<20), []string{"curl"}, "more than 131072 bytes are too many"},
		{"", []string{"curl", anyCommand, "--name", "Not a name"}, "is not a name"},
		{"", []string{"curl", anyCommand, "--output", document}, "is there already: name another file, or replace it with --force"},
		{"", []string{"curl", anyCommand, "--output", filepath.Join(folder, "none", "x")}, "x: no such file or directory"},
		{"", []string{"openapi"}, "expected 1 argument, <file>"},
		{"", []string{"openapi", filepath.Join(folder, "none")}, "there is no file"},
		{"", []string{"openapi", folder}, "is a directory"},
		{"nonsense: [", []string{"openapi", "-"}, "standard input:2: reading YAML"},
		{"", []string{"openapi", document, "--operation", "nope"}, "nope"},
		{"", []string{"openapi", document, "--tests", "x_test.yaml"}, "--tests needs --output"},
		{"", []string{"openapi", document, "--tests", "x.yaml", "--output", "x"}, "a name that ends in _test.yaml"},
		{"{", []string{"postman", "-"}, "standard input"},
		{"", []string{"postman", filepath.Join(folder, "none")}, "there is no file"},
		{"", []string{"nope"}, `unknown command "nope" for "signpost import"`},
	} {
		status, out, complaints := imported(c.stdin, c.args...)
		if status != 1 || out != "" || !strings.Contains(complaints, c.want) || !strings.HasPrefix(complaints, "Error: ") || strings.Contains(complaints, "s3cr3t") {
			t.Errorf("%.120q: got %d, %q and %s, want an error that says %q", c.args, status, out, complaints, c.want)
		}
	}
}
