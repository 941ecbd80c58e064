package input_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/input"
)

// threeVariables are what a bot sends to ask for an order.
func threeVariables(b *testing.B) (*input.Set, []byte) {
	b.Helper()
	return compile(b,
		input.Spec{Name: "order_number", Matches: "[0-9]{4,10}"},
		input.Spec{Name: "language", Type: "string", In: []string{"en", "de", "fr"}},
		input.Spec{Name: "items", Type: "number"},
	), []byte(`{"order_number": "10023", "language": "de", "items": 3}`)
}

func BenchmarkThreeVariablesOfJSON(b *testing.B) {
	set, body := threeVariables(b)
	values := make([]input.Value, 0, 3)
	b.ReportAllocs()
	for b.Loop() {
		raw, err := input.ParseJSON(body)
		if err != nil {
			b.Fatal(err)
		}
		var problems []input.Problem
		if values, problems = set.Read(raw, values[:0]); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

func BenchmarkThreeVariablesOfAForm(b *testing.B) {
	set, _ := threeVariables(b)
	values := make([]input.Value, 0, 3)
	b.ReportAllocs()
	for b.Loop() {
		raw, err := input.ParseForm("order_number=10023&language=de&items=3")
		if err != nil {
			b.Fatal(err)
		}
		var problems []input.Problem
		if values, problems = set.Read(raw, values[:0]); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

func BenchmarkACapturedSegment(b *testing.B) {
	set, _ := threeVariables(b)
	names, segments := []string{"order_number"}, []string{"10023"}
	values := make([]input.Value, 0, 3)
	b.ReportAllocs()
	for b.Loop() {
		var problems []input.Problem
		if values, problems = set.ReadGiven(input.Texts(names, segments), values[:0]); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

// BenchmarkAHostileMiB is what 1 MiB may cost at most, in the shapes that cost
// the most: they have to stay linear in the size.
func BenchmarkAHostileMiB(b *testing.B) {
	const size = 1 << 20
	fill := func(head, piece, tail string) string {
		return head + strings.Repeat(piece, (size-len(head)-len(tail))/len(piece)) + tail
	}
	var distinct strings.Builder
	for i := 0; distinct.Len() < size-20; i++ {
		fmt.Fprintf(&distinct, `,"%d":0`, i)
	}
	var long strings.Builder
	for i := range input.MaxMembers {
		fmt.Fprintf(&long, `,"%s%d":0`, strings.Repeat("n", size/input.MaxMembers-10), i)
	}
	set := compile(b, input.Spec{Name: "x", Type: "json"})
	for name, body := range map[string]string{
		"escapes":        fill(`{"x":"`, `\u0061`, `"}`),
		"numbers":        fill(`{"x":[`, `1e9,`, `1]}`),
		"blanks":         fill(`{"x":[`, ` `, `1]}`),
		"small objects":  fill(`{"x":[`, `{"":0},`, `1]}`),
		"distinct names": `{"x":{` + distinct.String()[1:] + `}}`,
		"long names":     `{"x":0` + long.String()[:strings.LastIndexByte(long.String(), ',')] + `}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				raw, err := input.ParseJSON([]byte(body))
				if err != nil {
					b.Fatal(err)
				}
				if _, problems := set.Read(raw, nil); len(problems) > 0 {
					b.Fatal(problems)
				}
			}
		})
	}
}

// BenchmarkMatchingAMiB is what the expression of an operator costs when a bot
// sends all that it may.
func BenchmarkMatchingAMiB(b *testing.B) {
	raw := input.Texts([]string{"x"}, []string{strings.Repeat("a", 1<<20)})
	for _, pattern := range []string{"[0-9]{4,10}", "[a-z]{1,1000}", "[a-z]*", "(?:[a-z]*[a-y]*){20}b"} {
		set := compile(b, input.Spec{Name: "x", Matches: pattern})
		b.Run(pattern, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Read(raw, nil)
			}
		})
	}
}
