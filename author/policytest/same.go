package policytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// sameJSON tells whether two JSON texts are one value: numbers are compared by
// value, and the order of an object's members is none.
func sameJSON(a, b []byte) bool {
	x, ok := decode(a)
	if !ok {
		return false
	}
	y, ok := decode(b)
	return ok && same(x, y)
}

// decode reads a JSON text. Numbers stay as they are written.
func decode(text []byte) (value any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return nil, false
	}
	_, err := d.Token()
	return value, errors.Is(err, io.EOF)
}

// same compares two decoded values.
func same(a, b any) bool {
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		return ok && decimal(string(x)) == decimal(string(y))
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !same(x[i], y[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for name, value := range x {
			other, there := y[name]
			if !there || !same(value, other) {
				return false
			}
		}
		return true
	default:
		return a == b // Texts, true, false and null.
	}
}

// decimal is a number of JSON in a form that is the same for all ways to write it:
// its digits without zeros at either end, and the power of ten of the last one.
// Doubles would take long numbers, such as those of orders, for one another.
func decimal(number string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	digits, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return "0"
	}
	power := 0
	if exponent != "" {
		var err error
		if power, err = strconv.Atoi(exponent); err != nil {
			return number // Beyond all doubles: it equals what is written alike.
		}
	}
	power += len(digits) - len(trimmed) - len(fraction)
	if negative {
		trimmed = "-" + trimmed
	}
	return trimmed + "e" + strconv.Itoa(power)
}

// canonical writes a JSON text in one line with sorted names, numbers as they are
// written. What is no JSON is false.
func canonical(text []byte) (line string, ok bool) {
	value, ok := decode(text)
	if !ok {
		return "", false
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(value) != nil {
		return "", false // Not reached: it was decoded.
	}
	return strings.TrimSuffix(b.String(), "\n"), true
}
