package policy

import (
	"time"

	"github.com/signpost-gateway/signpost/policy/drift"
)

// StructureInfo is what is known of the structure of an operation's answers, for
// those who operate the gateway.
type StructureInfo struct {
	Policy    string `json:"policy"`
	Operation string `json:"operation"`

	// State is "learning" before the first answer, then "watching", "drifting"
	// while a difference is neither accepted nor ignored, and "off" where nobody
	// wants to know.
	State string `json:"state"`

	// Learned is when the structure was taken, and Pinned whether by hand.
	Learned *time.Time `json:"learned"`
	Pinned  bool       `json:"pinned"`

	// Answers counts those that were compared since the process began, Skipped
	// those that were larger than 1 MiB and so were not, Count
	// those that drifted since DriftingSince, and LastSeen is the last of them.
	Answers       int64      `json:"answers"`
	Skipped       int64      `json:"skipped"`
	Count         int64      `json:"count"`
	DriftingSince *time.Time `json:"drifting_since"`
	LastSeen      *time.Time `json:"last_seen"`

	// Ignored is how many differences are ignored.
	Ignored int `json:"ignored"`

	// Changes are the differences, each with what may be done about it.
	Changes []DriftChange `json:"changes"`

	// Structure and Diff are there where one operation was asked for: the paths
	// with their types and, while answers differ, beside them what they would be if
	// that were accepted.
	Structure *drift.Structure `json:"structure,omitempty"`
	Diff      []drift.Line     `json:"diff,omitempty"`
}

// DriftChange is a difference and, for each variable that is lost by it, where its
// value may be now.
type DriftChange struct {
	Path string   `json:"path"`
	Was  string   `json:"was"`
	Is   string   `json:"is"`
	Vars []string `json:"vars"`

	// Suggest is a path at which the first lost variable may be read now, and
	// Extract the line that says so. Both are empty where nothing looks alike.
	Suggest string `json:"suggest"`
	Extract string `json:"extract"`
}

// Structures gives what is known of all operations, in the order of their names.
func (g *Gateway) Structures() []StructureInfo {
	infos := []StructureInfo{}
	for _, name := range g.names() {
		for _, op := range g.policies[name].operations {
			info, _ := op.structureInfo()
			infos = append(infos, info)
		}
	}
	return infos
}

// Structure gives what is known of one operation, with the structure itself.
func (g *Gateway) Structure(policy, operation string) (StructureInfo, bool) {
	p := g.policies[policy]
	if p == nil {
		return StructureInfo{}, false
	}
	for _, op := range p.operations {
		if op.name != operation {
			continue
		}
		info, k := op.structureInfo()
		info.Structure = k.structure
		if len(k.changes) > 0 {
			info.Diff = drift.Diff(k.structure, drift.Merge(k.structure, k.latest, k.changes))
		}
		return info, true
	}
	return StructureInfo{}, false
}

// structureInfo gives what is known of an operation, and the knowledge that it is
// about, which is empty where nobody wants to know.
func (op *operation) structureInfo() (StructureInfo, *knowledge) {
	info := StructureInfo{Policy: op.policy.name, Operation: op.name, State: "off", Changes: []DriftChange{}}
	w := op.structure
	if w == nil {
		return info, &knowledge{}
	}
	k := w.known.Load()
	info.Answers, info.Skipped, info.Pinned, info.Ignored = w.answers.Load(), w.skipped.Load(), k.pinned, len(k.ignored)
	if info.State = "learning"; k.structure == nil {
		return info, k
	}
	info.State, info.Learned = "watching", &k.learned
	if len(k.changes) == 0 {
		return info, k
	}
	last := time.Unix(0, w.last.Load())
	info.State, info.DriftingSince, info.Count = "drifting", &k.since, w.drifted.Load()
	if info.Count > 0 {
		info.LastSeen = &last
	}
	for _, d := range k.changes {
		info.Changes = append(info.Changes, w.explain(k, d))
	}
	return info, k
}

// explain says what may be done about a difference.
func (w *structureWatch) explain(k *knowledge, d drift.Change) DriftChange {
	change := DriftChange{Path: d.Path, Was: d.Was, Is: d.Is, Vars: d.Vars}
	if change.Vars == nil {
		change.Vars = []string{}
	}
	for _, name := range d.Vars {
		for _, read := range w.reads {
			if read.Var != name || change.Suggest != "" {
				continue
			}
			if change.Suggest = drift.Suggest(k.structure, k.latest, read); change.Suggest != "" {
				change.Extract = ExtractLine(name, change.Suggest)
			}
		}
	}
	return change
}
