package api

import "net/http"

// infoAnswer is what GET info gives.
type infoAnswer struct {
	Version      string `json:"version"`
	Started      stamp  `json:"started"`
	TraceUI      string `json:"trace_ui"`
	AllowChanges bool   `json:"allow_changes"`
}

// info tells what answers here.
func (a *api) info(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	return infoAnswer{Version: a.Version, Started: stamp(a.Started), TraceUI: run.TraceUI, AllowChanges: a.AllowChanges}, nil
}
