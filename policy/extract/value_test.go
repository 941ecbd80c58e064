package extract

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestValuesAreShownAsTheyWereSent(t *testing.T) {
	for _, tt := range []struct {
		json string
		kind Kind
		any  any
		text string
	}{
		{`null`, Null, nil, `null`},
		{`true`, Bool, true, `true`},
		{`false`, Bool, false, `false`},
		{`0`, Number, 0, `0`},
		{`-0`, Number, 0, `-0`},
		{`9223372036854775807`, Number, math.MaxInt64, `9223372036854775807`},
		{`9223372036854775808`, Number, 9223372036854775808.0, `9223372036854775808`},
		{`12345678901234567890123`, Number, 12345678901234567890123.0, `12345678901234567890123`},
		{`1.0`, Number, 1.0, `1.0`},
		{`1e2`, Number, 100.0, `1e2`},
		{`1e-400`, Number, 0.0, `1e-400`},
		{`""`, String, "", ``},
		{`"a b"`, String, "a b", `a b`},
		{`"null"`, String, "null", `null`},
		{`"\"\\\/\b\f\n\r\t"`, String, "\"\\/\b\f\n\r\t", "\"\\/\b\f\n\r\t"},
		{`"\u00e9\uD83D\uDE00"`, String, "é😀", "é😀"},
		{`"\ud800"`, String, "\ufffd", "\ufffd"},
		{`"\ud800\u0041\udc00x\ud83d\ud83d\ude00"`, String, "\ufffdA\ufffdx\ufffd😀", "\ufffdA\ufffdx\ufffd😀"},
		{`[]`, Array, []any{}, `[]`},
		{` [ 1 , "a \" b" , [ ] ] `, Array, []any{1, `a " b`, []any{}}, `[1,"a \" b",[]]`},
		{"{ \"a\" :\t{ }\r\n, \"b\" : [ null ] }", Object, map[string]any{"a": map[string]any{}, "b": []any{nil}}, `{"a":{},"b":[null]}`},
		{`{"a":1,"a":2}`, Object, map[string]any{"a": 2}, `{"a":1,"a":2}`},
	} {
		v, err := FromJSON([]byte(tt.json))
		if err != nil {
			t.Errorf("FromJSON(%s): %v", tt.json, err)
			continue
		}
		if v.Kind() != tt.kind || !v.Exists() {
			t.Errorf("%s: Kind() = %v, Exists() = %v; want %v", tt.json, v.Kind(), v.Exists(), tt.kind)
		}
		if got := v.Any(); !reflect.DeepEqual(got, tt.any) {
			t.Errorf("%s: Any() = %#v; want %#v", tt.json, got, tt.any)
		}
		if got := string(v.AppendText([]byte("> "))); got != "> "+tt.text {
			t.Errorf("%s: AppendText = %q; want %q", tt.json, got, "> "+tt.text)
		}
		// FromJSON drops blanks early; a piece of a document still has them.
		piece := Value{raw: bytes.TrimSpace([]byte(tt.json)), kind: tt.kind}
		if got, want := string(piece.AppendJSON(nil)), string(v.AppendJSON(nil)); got != want || !reflect.DeepEqual(piece.Any(), tt.any) {
			t.Errorf("%s as a piece of a document: AppendJSON = %s, Any() = %#v; want %s, %#v", tt.json, got, piece.Any(), want, tt.any)
		}
	}
}

func TestAMissingValueIsNothing(t *testing.T) {
	var v Value
	if v.Exists() || v.Kind() != Missing || v.Any() != nil || len(v.AppendText(nil)) != 0 || len(v.AppendJSON(nil)) != 0 || v.Clone().Exists() {
		t.Errorf("the zero value is %v: %#v", v.Kind(), v)
	}
}

func TestGoValuesBecomeValues(t *testing.T) {
	for _, tt := range []struct {
		any  any
		want string
	}{
		{nil, `null`}, {"<a>&\u2028\"", `"<a>&\u2028\""`}, {int64(-3), `-3`}, {uint64(math.MaxUint64), `18446744073709551615`}, {float32(0.5), `0.5`}, {1e21, `1e+21`},
		{map[string]any{"b": 1, "a": []string{"x"}}, `{"a":["x"],"b":1}`}, {"\xff", `"\ufffd"`},
	} {
		v, err := FromAny(tt.any)
		if got := string(v.AppendJSON(nil)); got != tt.want || err != nil {
			t.Errorf("FromAny(%#v) = %s, %v; want %s", tt.any, got, err, tt.want)
		}
	}
	for _, unfit := range []any{math.NaN(), math.Inf(1), func() {}, make(chan int), map[string]any{"a": math.Inf(-1)}} {
		if v, err := FromAny(unfit); err == nil || v.Exists() {
			t.Errorf("FromAny(%T) = %v, %v; want an error", unfit, v, err)
		}
	}
	nested := any(1)
	for range MaxDepth + 1 {
		nested = []any{nested}
	}
	if _, err := FromAny(nested); !errors.Is(err, ErrTooDeep) {
		t.Errorf("FromAny of %d arrays = %v; want ErrTooDeep", MaxDepth+1, err)
	}
	if _, err := FromJSON([]byte(`unknown`)); !errors.Is(err, ErrNotJSON) {
		t.Errorf("FromJSON(unknown) = %v; want ErrNotJSON", err)
	}
}

func TestACloneOutlivesTheDocument(t *testing.T) {
	doc := []byte(`{"a": "first", "l": ["x", "y"]}`)
	values, err := NewReader(mustCompile(t, `$.a`, `$.l[*]`)).Read(doc, nil)
	if err != nil {
		t.Fatal(err)
	}
	piece, clone, list := values[0], values[0].Clone(), values[1]
	decoded := piece.Any()
	copy(doc, strings.Repeat("~", len(doc)))
	if got := string(clone.AppendText(nil)); got != "first" {
		t.Errorf("the clone has become %q", got)
	}
	if got := string(list.AppendJSON(nil)); got != `["x","y"]` {
		t.Errorf("the list has become %q", got)
	}
	if decoded != "first" {
		t.Errorf("what Any gave has become %q", decoded)
	}
	if got := piece.AppendText(nil); bytes.Equal(got, []byte("first")) {
		t.Errorf("the value is still %q: it is a copy, which costs an allocation", got)
	}
}

func TestKindsHaveNames(t *testing.T) {
	for kind, want := range map[Kind]string{Missing: "missing", Null: "null", Bool: "bool", Number: "number", String: "string", Array: "array", Object: "object", 9: "kind 9"} {
		if got := kind.String(); got != want {
			t.Errorf("Kind(%d) = %q; want %q", uint8(kind), got, want)
		}
	}
}
