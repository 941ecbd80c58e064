package nearest_test

import (
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/nearest"
)

func TestTheNearestNameIsOneWithFewWrongLetters(t *testing.T) {
	known := []string{"timeout", "retry", "route", "next", "order_status"}
	for word, want := range map[string]string{
		"timout": "timeout", "tiemout": "timeout", "rout": "route", "Route": "route", "nxet": "next", "order_sttaus": "order_status",
		"": "", "x": "", "breaker": "", "ro": "", strings.Repeat("timeout", 20): "", "order": "",
	} {
		if got := nearest.To(word, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}

func TestOfTwoNamesTheNearerOneIsMeant(t *testing.T) {
	if got := nearest.To("hinst", []string{"hits", "hints", "hint"}); got != "hints" {
		t.Errorf("got %q, want hints", got)
	}
}
