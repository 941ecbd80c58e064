package caddymodule

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

// written makes a file in a new folder, and gives its path.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const policiesAlone = "policy store https://store.example {\n\tinject bearer {secret.store_token}\n\ttimeout 2s\n}\n"

func TestAFileOfPoliciesIsReadAsAnotherWouldImportIt(t *testing.T) {
	path := written(t, "store.caddyfile", policiesAlone)
	c, err := host{}.Load(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("the server warns of %q", c.Warnings)
	}
	if len(c.Spec.Policies) != 1 || c.Spec.Policies[0].Places["timeout"] != (policy.Place{File: path, Line: 3}) {
		t.Errorf("read %+v, want the policy store with its places", c.Spec.Policies)
	}
	if err := (host{}).Validate(c); err != nil {
		t.Errorf("validating: %v", err)
	}
}

func TestMistakesInAFileOfPoliciesStandInThatFile(t *testing.T) {
	path := written(t, "store.caddyfile", "policy store https://store.example {\n\ttimeout soon\n}\n")
	_, err := host{}.Load(path, "")
	var mistakes policy.Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) != 1 || mistakes[0].Place != (policy.Place{File: path, Line: 2}) || strings.Contains(err.Error(), "import") {
		t.Errorf("got %v, want one mistake in line 2 of %s, and nothing of imports", err, path)
	}
}

func TestAConfigurationIsReadWithItsPlacesAndAllThatIsWrong(t *testing.T) {
	path := written(t, "Caddyfile", "{\n\tsignpost {\n\t\tpolicy store https://store.example {\n\t\t\ttimeout 2 s\n\t\t\thint a status ==\n\t\t}\n\t}\n}\n:8080 {\n\tsignpost\n}\n")
	c, err := host{}.Load(path, "")
	var mistakes policy.Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) != 2 || mistakes[0].Place != (policy.Place{File: path, Line: 4}) || mistakes[1].Snippet == "" {
		t.Fatalf("got %v, want the mistakes of lines 4 and 5", err)
	}
	if len(c.Spec.Policies) != 1 {
		t.Errorf("got %+v, want what could be read", c.Spec)
	}
}

func TestMistakesBesideTheGlobalBlockAreFoundToo(t *testing.T) {
	for text, want := range map[string]string{
		"{\n\tsignpost {\n\t}\n}\n:8080 {\n\tsignpots\n}\n":       "signpots",
		"{\n\tsignpost {\n\t}\n}\n:8080 {\n\timport nowhere\n}\n": "nowhere",
		":8080 {\n\trespond hello\n}\n":                           "no policies",
	} {
		if _, err := (host{}).Load(written(t, "Caddyfile", text), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want something about %q", text, err, want)
		}
	}
	t.Chdir(t.TempDir())
	if _, err := (host{}).Load("", ""); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("no Caddyfile: got %v, want the remedy", err)
	}
	if _, err := (host{}).Load("store.caddyfile", ""); err == nil || strings.Contains(err.Error(), "--config") || !strings.Contains(err.Error(), "store.caddyfile") {
		t.Errorf("a file that is not there: got %v, want its name", err)
	}
}

func TestSitesAreReadWithWhatServesThem(t *testing.T) {
	path := written(t, "Caddyfile", `{
	signpost {
	}
}
:8080 {
	bind 127.0.0.1 ::1
	handle /x/* {
		reverse_proxy localhost:1
	}
	signpost
}
api.example.com, http://other.example:81 {
	signpost_console
}
:9 {
	respond hello
}
`)
	c, err := host{}.Load(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sites) != 2 {
		t.Fatalf("got %+v, want two sites", c.Sites)
	}
	first, second := c.Sites[0], c.Sites[1]
	if strings.Join(first.Binds, " ") != "127.0.0.1 ::1" || len(first.Hosts) != 0 || first.Place.Line != 5 {
		t.Errorf("the first site is %+v", first)
	}
	var names []string
	for _, d := range first.Directives {
		names = append(names, d.Name)
	}
	if got := strings.Join(names, " "); got != "bind handle reverse_proxy } signpost" && got != "bind handle reverse_proxy signpost" {
		t.Errorf("its directives are %q", got)
	}
	if strings.Join(second.Hosts, " ") != "api.example.com other.example" {
		t.Errorf("the second site is %+v", second)
	}
}

func TestAConfigurationInJSONIsRead(t *testing.T) {
	path := written(t, "caddy.json", `{"apps":{"signpost":{"policies":[{"name":"store","base_url":"https://store.example"}]}}}`)
	if c, err := (host{}).Load(path, ""); err != nil || len(c.Spec.Policies) != 1 || c.TenantHeader != "X-Tenant-ID" {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := (host{}).Load(written(t, "caddy.json", `{"apps":{}}`), ""); err == nil {
		t.Error("a configuration without policies was taken")
	}
}
