package api

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/drift"
)

// maxExample bounds the answer that is given as an example, in bytes.
const maxExample = 1 << 20

// structureAnswer is what GET drift tells of an operation.
type structureAnswer struct {
	Policy        string               `json:"policy"`
	Operation     string               `json:"operation"`
	State         string               `json:"state"`
	Learned       stamp                `json:"learned"`
	Pinned        bool                 `json:"pinned"`
	Answers       int64                `json:"answers"`
	Skipped       int64                `json:"skipped"` // Too large to be compared.
	DriftingSince stamp                `json:"drifting_since"`
	LastSeen      stamp                `json:"last_seen"`
	Count         int64                `json:"count"`
	Ignored       bool                 `json:"ignored"`
	Changes       []policy.DriftChange `json:"changes"`
}

// oneStructureAnswer is the same with the structure itself.
type oneStructureAnswer struct {
	structureAnswer
	Structure *drift.Structure `json:"structure"` // null: none was learned yet.
	Diff      []lineAnswer     `json:"diff,omitempty"`
}

// lineAnswer is one place of two structures.
type lineAnswer struct {
	Path string         `json:"path"`
	Old  string         `json:"old"`
	New  string         `json:"new"`
	Kind drift.LineKind `json:"kind"`
}

func structureOf(s *policy.StructureInfo) structureAnswer {
	return structureAnswer{
		Policy: s.Policy, Operation: s.Operation, State: s.State, Learned: stampOf(s.Learned), Pinned: s.Pinned, Answers: s.Answers, Skipped: s.Skipped,
		DriftingSince: stampOf(s.DriftingSince), LastSeen: stampOf(s.LastSeen), Count: s.Count, Ignored: s.Ignored > 0,
		Changes: orEmpty(s.Changes),
	}
}

// structures tells of the structure of each operation's answers.
func (a *api) structures(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	answers := []structureAnswer{}
	for _, s := range run.Gateway.Structures() {
		answers = append(answers, structureOf(&s))
	}
	return map[string]any{"operations": answers}, nil
}

// structure tells of one operation.
func (a *api) structure(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	return oneStructure(run, r)
}

func oneStructure(run *Running, r *http.Request) (any, *problem) {
	name, operation := r.PathValue("policy"), r.PathValue("operation")
	info, known := run.Gateway.Structure(name, operation)
	if !known {
		return nil, missing("The policy %q has no operation %q.", name, operation)
	}
	answer := oneStructureAnswer{structureAnswer: structureOf(&info), Structure: info.Structure}
	for _, line := range info.Diff {
		answer.Diff = append(answer.Diff, lineAnswer(line))
	}
	return answer, nil
}

// changeStructure changes what is known of an operation's answers, and gives what
// is known then.
func (a *api) changeStructure(run *Running, r *http.Request) (any, *problem) {
	if _, p := readQuery(r); p != nil {
		return nil, p
	}
	changes := map[string]func(policy, operation string) error{
		"accept": run.Gateway.AcceptStructure,
		"ignore": run.Gateway.IgnoreDrift,
		"forget": run.Gateway.ForgetStructure,
	}
	word := r.PathValue("change")
	change := changes[word]
	switch {
	case word == "pin":
		example, p := readBody(r, maxExample)
		if p != nil {
			return nil, p
		}
		if example = bytes.TrimSpace(example); len(example) == 0 {
			example = nil
		}
		change = func(policy, operation string) error { return run.Gateway.PinStructure(policy, operation, example) }
	case change == nil:
		return nil, missing("There is no change %q of a structure: expected accept, ignore, forget or pin.", word)
	default:
		if p := noBody(r); p != nil {
			return nil, p
		}
	}
	switch err := change(r.PathValue("policy"), r.PathValue("operation")); {
	case err == nil:
		return oneStructure(run, r)
	case errors.Is(err, policy.ErrNoOperation):
		return nil, missing("The answers of this operation are not watched: there is no such operation, or it says drift off.")
	case errors.Is(err, policy.ErrNothingDrifts):
		return nil, wrong(http.StatusConflict, "No answer of this operation has changed, so there is nothing to %s.", word)
	case errors.Is(err, policy.ErrNoStructure):
		return nil, wrong(http.StatusConflict, "No answer has taught a structure yet: send an example as the body.")
	default:
		return nil, bad("The example cannot be pinned: %v.", err)
	}
}
