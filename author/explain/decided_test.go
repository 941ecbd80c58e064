package explain_test

import (
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

func TestWhoDecidedOnTheLimitsIsToldWhereSidecarsShareThem(t *testing.T) {
	for decided, want := range map[string]string{
		"redis":   "Redis decided for all sidecars together, within 2 ms.",
		"local":   "Redis was away, so this sidecar decided by itself.",
		"refused": "Redis was away, and nothing may go out without it.",
	} {
		d := calllog.Detail{State: &calllog.StateDetail{Decided: decided, WaitMS: 2}}
		if got := explain.Explain(d).Text(terminal.Style{}); !strings.Contains(got, want) {
			t.Errorf("decided by %q: got\n%s\nwant %q in it", decided, got, want)
		}
	}
	if got := explain.Explain(calllog.Detail{}).Text(terminal.Style{}); strings.Contains(got, "sidecar") {
		t.Errorf("without shared state: got\n%s\nwant nothing of sidecars", got)
	}
}
