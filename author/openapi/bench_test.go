package openapi_test

import (
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/openapi"
)

func BenchmarkImportFiveThousandOperations(b *testing.B) {
	source := shared(5_000, thing)
	b.ReportAllocs()
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		imported(b, source, openapi.Options{})
	}
}

func BenchmarkImportTwoOfFiveThousandOperations(b *testing.B) {
	source := shared(5_000, thing)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := openapi.Import(strings.NewReader(source), openapi.Options{Operations: []string{"thing7", "thing4000"}}); err != nil {
			b.Fatal(err)
		}
	}
}
