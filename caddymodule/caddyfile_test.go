package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/signpost-gateway/signpost/policy"
)

var update = flag.Bool("update", false, "write the second half of the files of testdata anew")

// divider stands between a Caddyfile and what comes of it.
const divider = "----------\n"

// adaptFixture gives the configuration, indented, or the error of a Caddyfile that
// stands in testdata. Paths of imported files are relative in it.
func adaptFixture(t *testing.T, input string) (output string, warnings []caddyconfig.Warning, err error) {
	t.Helper()
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "testdata/Caddyfile"})
	if err != nil {
		folder, absErr := filepath.Abs("testdata")
		if absErr != nil {
			t.Fatal(absErr)
		}
		text := strings.ReplaceAll(err.Error(), folder+"/", "")
		return strings.ReplaceAll(text, "testdata/", "") + "\n", warnings, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, adapted, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return indented.String() + "\n", warnings, nil
}

func TestEachCaddyfileIsFormattedAndBecomesWhatStandsBelowIt(t *testing.T) {
	files, err := filepath.Glob("testdata/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("finding testdata: %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(content), divider)
			got, warnings, err := adaptFixture(t, input)
			// Caddy warns where a file is not as caddy fmt would write it.
			if err == nil && len(warnings) > 0 {
				t.Errorf("%s warns: %v", file, warnings)
			}
			if *update {
				if err := os.WriteFile(file, []byte(input+divider+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("%s became\n%s\nwant\n%s", file, got, want)
			}
		})
	}
}

func TestParsingTheGlobalOptionGivesMistakesAsData(t *testing.T) {
	_, err := parseGlobal(caddyfile.NewTestDispenser("signpost {\n\tpolicy store https://a.example {\n\t\ttimeout 4x\n\t\tpeek x\n\t}\n}"))
	var got policy.Mistakes
	if !errors.As(err, &got) || len(got) != 2 {
		t.Fatalf("got %v, want 2 mistakes", err)
	}
	if want := (policy.Place{File: "Testfile", Line: 3}); got[0].Place != want || got[0].Name != "policy store: timeout" {
		t.Errorf("got %+v, want place %v", got[0], want)
	}
}

func TestATornStringInAnExpressionIsShownWithACaretUnderIt(t *testing.T) {
	_, err := parseGlobal(caddyfile.NewTestDispenser("signpost {\npolicy store https://a.example {\nhint open status == 200 and vars.s==\"in transit\"\n}\n}"))
	var got policy.Mistakes
	want := "status == 200 and vars.s==\"in transit\"\n                  ^"
	if !errors.As(err, &got) || got[0].Snippet != want {
		t.Errorf("got %v, want its snippet\n%s", err, want)
	}
}

func TestWordsAreRecordedWithTheirPlaces(t *testing.T) {
	c, err := parseGlobal(caddyfile.NewTestDispenser(`signpost {
	max_timeout 9s
	trace {
		sample 1%
	}
	plan gold {
		rate_limit 10/m
		concurrency 2
	}
	secrets env X_
	policy store https://a.example {
		peek 1KiB
		inject bearer x
		retry 1 {
			backoff 1ms 1s
		}
		breaker off
		fallback {
			route r
		}
		operation ping GET /ping {
			hint up ok
			extract a $.a
		}
	}
}`))
	if err != nil {
		t.Fatal(err)
	}
	p, o := c.Policies[0], c.Policies[0].Operations[0]
	for _, place := range []struct {
		of   string
		got  policy.Place
		line int
	}{
		{"signpost", c.Places["signpost"], 1},
		{"max_timeout", c.Places["max_timeout"], 2},
		{"trace", c.Trace.Places["trace"], 3},
		{"sample", c.Trace.Places["sample"], 4},
		{"plan", c.Plans[0].Places["plan"], 6},
		{"rate limit", c.Plans[0].RateLimits[0].Place, 7},
		{"concurrency", c.Plans[0].Concurrency[0].Place, 8},
		{"secrets", c.Secrets[0].Place, 10},
		{"policy", p.Places["policy"], 11},
		{"peek", p.Places["peek"], 12},
		{"inject", p.Inject[0].Place, 13},
		{"retry", p.Retry.Places["retry"], 14},
		{"backoff", p.Retry.Places["backoff"], 15},
		{"breaker", p.Breaker.Places["breaker"], 17},
		{"fallback", p.Fallbacks[0].Places["fallback"], 18},
		{"route", p.Fallbacks[0].Places["route"], 19},
		{"operation", o.Places["operation"], 21},
		{"hint", o.Hints[0].Place, 22},
		{"extract", o.Extracts[0].Place, 23},
	} {
		if want := (policy.Place{File: "Testfile", Line: place.line}); place.got != want {
			t.Errorf("%s stands at %v, want %v", place.of, place.got, want)
		}
	}
}
