package draft

import (
	"io"

	"github.com/signpost-gateway/signpost/author/policytest"
)

// WriteTests writes the tests as YAML. config is the path of the configuration that
// they test, as it stands in the file; where it is empty, it is the Caddyfile beside
// it. Nothing is written where there is an error.
func (d *Draft) WriteTests(w io.Writer, config string) error {
	return policytest.Encode(w, policytest.File{Config: config, Policy: d.Policy.Name, Tests: d.Tests})
}
