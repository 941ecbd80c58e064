//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

// skewVariable is the environment variable that says by how many seconds the clock of
// a skewed gateway is wrong.
const skewVariable = "SIGNPOST_E2E_SKEW"

// A program asks the kernel for the time without a library that could be put before
// it, and the kernel has one time for all. So the gateway is compiled once more, with
// a clock that is wrong: beside these lines of package time.
const (
	rightClock = "	sec, nsec, mono := runtimeNow()\n"
	wrongClock = rightClock + "	sec += skew\n"
	skewSource = `
var skew = func() (seconds int64) {
	text, _ := syscall.Getenv("` + skewVariable + `")
	for i := 1; i < len(text); i++ {
		seconds = 10*seconds + int64(text[i]-'0')
	}
	if text != "" && text[0] == '-' {
		return -seconds
	}
	return seconds
}()
`
)

// skewedBinary builds, into a folder that is removed with the other binary's, the
// gateway whose clock is wrong.
var skewedBinary = sync.OnceValues(func() (string, error) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("looking for Go's sources: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(goroot)), "src/time/time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return "", fmt.Errorf("reading Go's clock: %w", err)
	}
	text := string(source)
	if strings.Count(text, rightClock) != 1 {
		return "", fmt.Errorf("%s does not hold %q once: Go's clock has changed", original, rightClock)
	}
	text = strings.Replace(text, rightClock, wrongClock, 1)
	text = strings.Replace(text, "import (", "import (\n\t\"syscall\"", 1) + skewSource
	dir := filepath.Dir(binary)
	replacement, overlay, path := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "skewed")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: replacement}})
	if err != nil {
		return "", fmt.Errorf("replacing Go's clock: %w", err)
	}
	for file, content := range map[string][]byte{replacement: []byte(text), overlay: replace} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return "", fmt.Errorf("replacing Go's clock: %w", err)
		}
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-overlay", overlay, "-o", path, "./cmd/caddy")
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the gateway with a wrong clock: %w\n%s", err, said)
	}
	return path, nil
})

// skews are how wrong the clocks of four sidecars are, in seconds.
var skews = []string{"+0", "-3600", "+2400", "+86400"}

func TestSidecarsWithWrongClocksHoldOneLimit(t *testing.T) {
	t.Parallel()
	program, err := skewedBinary()
	if err != nil {
		t.Fatal(err)
	}
	redis := redisserver.Start(t)
	f := deploy(t, crew{
		size: 4, binary: program, redis: redis.URL(),
		each: func(number int) []string { return []string{skewVariable + "=" + skews[number]} },
		config: sharingConfig(patient,
			block("tenant", "rate_limit 10/m"), block("sliding", "rate_limit 20/1s"),
			block("quick", "breaker 3 consecutive {\nopen 30s\n}"), block("kept", "breaker off", "fallback {\nstale 1m\n}")),
	})
	f.awaitThere(t, true)
	if apart := f.dates(t); apart < 24*time.Hour {
		t.Fatalf("the sidecars' clocks differ by %s, want a day", apart)
	}

	answers := f.rush(t, 50, "tenant", "ok", "acme")
	wantReached(t, f, "tenant", "acme", 10, answers, "rate_limited")
	for _, a := range answers["rate_limited"] {
		if after := a.header.Get("Retry-After"); len(after) == 0 || len(after) > 2 || after > "60" && len(after) == 2 {
			t.Errorf("%s: Retry-After %q, want at most a minute", a, after)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	f.load(ctx, t, load{bots: 2, pause: 8 * time.Millisecond, policy: "sliding", tenants: []string{"slider"}})
	if fullest := most(time.Second, f.calls("sliding", "slider")); fullest > 20 {
		t.Errorf("%d calls left within a second, want at most 20", fullest)
	}
	if calls := len(f.calls("sliding", "slider")); calls < 55 {
		t.Errorf("%d calls left in three seconds, want nearly 60", calls)
	}

	f.fails(t, f.sidecars[1], 3, "quick")
	soon(t, "the trip of a sidecar whose clock is an hour late", func() bool { return f.breakersAre(t, "quick", "open") })
	for _, s := range f.sidecars {
		if after := f.call(t.Context(), s, "quick", "ok", "acme").header.Get("Retry-After"); after != "30" && after != "29" {
			t.Errorf("sidecar %d with its clock at %ss: Retry-After %q, want 30 or 29", s.number, skews[s.number], after)
		}
	}
	answersAreShared(t, f)
}

// dates is by how much the clocks of sidecars differ, as their answers say.
func (f *fleet) dates(t *testing.T) time.Duration {
	t.Helper()
	var dates []time.Time
	for _, s := range f.sidecars {
		date, err := http.ParseTime(f.ask(t.Context(), s, "/health", "").header.Get("Date"))
		if err != nil {
			t.Fatalf("reading the date of sidecar %d: %v", s.number, err)
		}
		dates = append(dates, date)
	}
	return slices.MaxFunc(dates, time.Time.Compare).Sub(slices.MinFunc(dates, time.Time.Compare))
}
