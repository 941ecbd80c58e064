//go:build e2e || soak

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// inquirer asks admin endpoints. A sidecar that does not answer is noticed.
var inquirer = &http.Client{Timeout: patience / 4}

// inquire asks a sidecar's admin endpoint for JSON.
func (s *sidecar) inquire(path string, into any) error {
	text, err := s.page(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("GET %s: %w in %.500s", path, err, text)
	}
	return nil
}

// page asks a sidecar's admin endpoint for a text.
func (s *sidecar) page(path string) (string, error) {
	resp, err := inquirer.Get(s.admin + path)
	if err != nil {
		return "", err
	}
	text, err := read(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %.500s", path, resp.Status, text)
	}
	return text, err
}

// metric is the value of a metric, by its name and labels as they are written; 0 where
// there is none.
func (s *sidecar) metric(t *testing.T, name string) float64 {
	t.Helper()
	text, err := s.page("/metrics")
	if err != nil {
		t.Fatalf("asking for the metrics: %v", err)
	}
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, name+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatalf("reading the metric %s: %v", name, err)
			}
			return value
		}
	}
	return 0
}

// soon asks until something is so, without pause for longer than a moment.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: it did not come within %s", what, patience)
		}
	}
}
