package curl

import (
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/lint"
	"github.com/signpost-gateway/signpost/policy"
)

func TestCheckHasNothingToSayOfWhatIsMade(t *testing.T) {
	for _, c := range asCurlSends {
		d, out := printed(t, strings.ReplaceAll(c.command, "HOST", "https://api.store.example"))
		spec := policy.Spec{Policies: []policy.PolicySpec{d.Policy}}
		for _, f := range lint.Check(lint.Subject{Spec: &spec}).Findings {
			t.Errorf("%s: %s %s: %s, %s, of\n%s", c.name, f.Severity, f.Rule, f.Name, f.Message, out)
		}
	}
}
