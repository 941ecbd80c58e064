//go:build e2e

package curl

import (
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

// TestCurlSendsWhatIsExpectedOfThePolicy holds the expectations to curl itself. The
// commands are those of sends_test.go.
func TestCurlSendsWhatIsExpectedOfThePolicy(t *testing.T) {
	for _, c := range asCurlSends {
		t.Run(c.name, func(t *testing.T) {
			server, got := standIn(t)
			run := exec.CommandContext(t.Context(), "bash", "-c", strings.ReplaceAll(c.command, "HOST", server.URL))
			if out, err := run.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", c.command, err, out)
			}
			if want := c.want.filled(); !reflect.DeepEqual(*got, want) {
				t.Errorf("%s\nsent %#v\nwant %#v", c.command, *got, want)
			}
		})
	}
}
