package explain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

// MaxSaved bounds a saved call, in bytes. A call is never as long: its bodies are
// at most calllog.MaxBodies each, and escaping makes them six times as long.
const MaxSaved = 16 << 20

// ReadDetail reads a call that was saved: as the admin API gives it, or as a test
// call prints it, with the call in a member of that name. It reads at most MaxSaved
// bytes. Members that it does not know are skipped, as a later version may have more.
func ReadDetail(r io.Reader) (calllog.Detail, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSaved+1))
	if err != nil {
		return calllog.Detail{}, fmt.Errorf("reading a saved call: %w", err)
	}
	if len(data) > MaxSaved {
		return calllog.Detail{}, fmt.Errorf("reading a saved call: it is longer than %d MiB", MaxSaved>>20)
	}
	var saved struct {
		Call *calllog.Detail `json:"call"`
		calllog.Detail
	}
	if err := json.Unmarshal(data, &saved); err != nil {
		return calllog.Detail{}, fmt.Errorf("reading a saved call: it is not what the admin API or `call --json` prints: %w", plainJSON(err))
	}
	d := saved.Detail
	if saved.Call != nil {
		d = *saved.Call
	}
	if d.Outcome == "" {
		return calllog.Detail{}, errors.New("reading a saved call: it has no outcome, so it is not what the admin API or `call --json` prints")
	}
	return d, nil
}

// plainJSON says what is wrong with a document without the names of Go's types.
func plainJSON(err error) error {
	var kind *json.UnmarshalTypeError
	if !errors.As(err, &kind) {
		return err
	}
	where := "the document"
	if kind.Field != "" {
		where = kind.Field
	}
	return fmt.Errorf("%s is of the kind %s, byte %d", where, kind.Value, kind.Offset)
}
