package caddymodule_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secretFiles writes files of secrets, and gives their directory. Its parent
// holds a file that is no secret of the directory's.
func secretFiles(t testing.TB, files map[string]string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "secrets")
	files = withOutside(files)
	for name, value := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatalf("making a directory: %v", err)
		}
		if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
			t.Fatalf("writing a secret: %v", err)
		}
	}
	return dir
}

// withOutside adds the file that nobody may reach, under the name that policies
// ask for.
func withOutside(files map[string]string) map[string]string {
	all := map[string]string{"../key": "outside-the-directory"}
	for name, value := range files {
		all[name] = value
	}
	return all
}

func TestATenantsNameIsServedOrRefusedAndLeadsNowhere(t *testing.T) {
	leaksNothing(t)
	url, heard := talkative(t)
	dir := secretFiles(t, map[string]string{
		"key": "shared-by-everybody", "acme/key": "of-acme-by-directory", "globex__key": "of-globex-by-file", "a.b-c/key": "of-a.b-c-by-directory",
	})
	s := start(t, unlimited+"secrets dir "+dir+"\npolicy api "+url+" {\nconcurrency 1\nbreaker off\ninject header X-Key {secret.key}\n}\n"+
		"policy own "+url+" {\nconcurrency 1\nbreaker off\ninject header X-Key {tenant_secret.key}\n}")
	const shared = "shared-by-everybody"
	for _, tc := range []struct {
		header   string // as it stands on the wire
		api, own string // the key that goes out, or the status of the refusal
	}{
		{"", shared, "403"},
		{"X-Tenant-ID:", shared, "403"},
		{"X-Tenant-ID: acme", "of-acme-by-directory", "of-acme-by-directory"},
		{"x-tenant-id:  acme \t", "of-acme-by-directory", "of-acme-by-directory"},
		{"X-Tenant-ID: globex", "of-globex-by-file", "of-globex-by-file"},
		{"X-Tenant-ID: a.b-c", "of-a.b-c-by-directory", "of-a.b-c-by-directory"},
		{"X-Tenant-ID: nobody", shared, "403"},
		{"X-Tenant-ID: anonymous", shared, "403"},
		{"X-Tenant-ID: ..", shared, "403"},
		{"X-Tenant-ID: .", shared, "403"},
		{"X-Tenant-ID: ../secrets/acme", shared, "403"},
		{"X-Tenant-ID: acme/../acme", shared, "403"},
		{"X-Tenant-ID: acme/", shared, "403"},
		{"X-Tenant-ID: ./acme", shared, "403"},
		{"X-Tenant-ID: /etc", shared, "403"},
		{"X-Tenant-ID: ..\\..", shared, "403"},
		{"X-Tenant-ID: %2e%2e", shared, "403"},
		{"X-Tenant-ID: globex__key", shared, "403"},
		{"X-Tenant-ID: acme,globex", shared, "403"},
		{"X-Tenant-ID: {secret.key}", shared, "403"},
		{"X-Tenant-ID: {env.PATH}", shared, "403"},
		{"X-Tenant-ID: 🤖 bots & more", shared, "403"},
		{"X-Tenant-ID: " + strings.Repeat("a", 128), shared, "403"},
		{"X-Tenant-ID: " + strings.Repeat("a", 129), "403", "403"},
		{"X-Tenant-ID: " + strings.Repeat("é", 65), "403", "403"},
		{"X-Tenant-ID: " + strings.Repeat("a", 15_000), "403", "403"},
		{"X-Tenant-ID: acme\r\nX-Tenant-ID: globex", "403", "403"},
		{"X-Tenant-ID: acme\r\nX-Tenant-ID: acme", "403", "403"},
		{"X-Tenant-ID: acme\r\nX-Tenant-ID:", "403", "403"},
		{"X-Tenant-ID:\r\nX-Tenant-ID: acme", "403", "403"},
		{"X-Tenant-ID:\r\nX-Tenant-ID:", "403", "403"},
		{"X-Tenant-ID: ac\tme", "403", "403"},
		{"X-Tenant-ID: ac\xff\xfeme", "403", "403"},
		{"X-Tenant-ID: ac\u00a0me", "403", "403"},
		{"X-Tenant-ID: ac\u200bme", "403", "403"},
		{"X-Tenant-ID: ac\u202eme", "403", "403"},
		{"X-Tenant-ID: \ufeffacme", "403", "403"},
		{"X-Tenant-ID: ac\u2028me", "403", "403"},
		{"X-Tenant-ID: ac\u0085me", "403", "403"},
	} {
		for policy, want := range map[string]string{"api": tc.api, "own": tc.own} {
			line := tc.header
			if line != "" {
				line += "\r\n"
			}
			got := s.raw("GET", "GET /"+policy+"/x HTTP/1.1\r\nHost: s\r\nConnection: close\r\n"+line+"\r\n")
			if want == "403" {
				got.refused(t, 403, "denied", "http_request_denied")
				if shown := got.Header.Get("Signpost-Reason") + got.body; strings.Contains(shown, dir) || strings.Contains(shown, "outside") {
					t.Errorf("%.60q: the answer tells about files: %s", tc.header, shown)
				}
				if len(heard) > 0 {
					t.Errorf("%.60q: a call went out with %q", tc.header, (<-heard).Header)
				}
				continue
			}
			got.passed(t, 200, "success")
			r := await(t, heard, "call for "+tc.header)
			if got := r.Header.Get("X-Key"); got != want {
				t.Errorf("%.60q: the key %q went out to %s, want %q", tc.header, got, policy, want)
			}
			if r.Header["X-Tenant-Id"] != nil {
				t.Errorf("%.60q: the tenant went out", tc.header)
			}
		}
	}
}

func TestALineThatIsNoHeaderNeverReachesAPolicy(t *testing.T) {
	leaksNothing(t)
	url, heard := talkative(t)
	s := start(t, unlimited+"policy api "+url+" {"+fragile+"}")
	for _, header := range []string{
		"X-Tenant-ID: ac\x00me", "X-Tenant-ID: ac\x01me", "X-Tenant-ID: ac\x7fme", "X-Tenant-ID: ac\x1bme", "X-Tenant-ID: ac\nme",
		"X-Tenant-ID : acme", "X-Tenant\nID: acme", ": acme", "X Tenant: acme",
	} {
		// net/http answers these before any handler.
		if got := s.raw("GET", "GET /api/x HTTP/1.1\r\nHost: s\r\nConnection: close\r\n"+header+"\r\n\r\n"); got.StatusCode != 400 {
			t.Errorf("%q: %d, want 400", header, got.StatusCode)
		}
	}
	s.raw("GET", "GET /api/x HTTP/1.1\r\nHost: s\r\nConnection: close\r\nX-Tenant-ID: ac\r\n me\r\n\r\n").passed(t, 200, "success") // Folded: "ac me".
	await(t, heard, "folded call")
	if len(heard) > 0 {
		t.Errorf("a call went out with %q", (<-heard).Header)
	}
}
