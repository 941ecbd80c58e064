package postman

import (
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/draft"
)

func TestAFaultInImportingIsAnErrorWithTheNameOfTheFile(t *testing.T) {
	var none []string
	d, err := guarded("store.json", func() (*draft.Draft, error) { return &draft.Draft{Notes: none[:1]}, nil })
	if d != nil || err == nil || !strings.Contains(err.Error(), "reading store.json: ") {
		t.Errorf("got %v and %v, want an error that names store.json", d, err)
	}
	d, err = guarded("store.json", func() (*draft.Draft, error) { panic("Bearer PmTok0000") })
	if d != nil || err == nil || strings.Contains(err.Error(), "PmTok0000") {
		t.Errorf("got %v and %v, want an error that repeats nothing of the collection", d, err)
	}
}
