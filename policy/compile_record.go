package policy

import (
	"strings"

	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// defaultRecording is what is kept where nothing is said.
var defaultRecording = calllog.Settings{Calls: calllog.DefaultCalls, Bodies: calllog.DefaultBodies}

// recording compiles what the call log keeps of a policy.
func (c *compiler) recording(spec *PolicySpec) recording {
	r := recording{settings: defaultRecording}
	if said := spec.Record; said != nil {
		name := "policy " + spec.Name + ": record"
		r.settings.Calls = said.Calls
		if said.Calls < 0 || said.Calls > calllog.MaxCalls {
			c.wrong(said.Place, name, "%d is not a number of calls: expected 0 to %d", said.Calls, calllog.MaxCalls)
		}
		switch {
		case said.Bodies > calllog.MaxBodies || said.Bodies < 0:
			c.wrong(said.Place, name, "%s is over the ceiling of %s a body", said.Bodies, Size(calllog.MaxBodies))
		case said.NoBodies:
			r.settings.Bodies = 0
		case said.Bodies > 0:
			r.settings.Bodies = int(said.Bodies)
		}
		for _, source := range said.Redact {
			path, err := extract.CompilePath(source)
			if err != nil {
				c.wrong(said.Place, name, "reading the path %q: %v", source, err)
				continue
			}
			r.redact = append(r.redact, path)
		}
		r.settings.Redact = strings.Join(said.Redact, "\n")
	}
	r.log = c.state.logs.Of(spec.Name, r.settings)
	return r
}
