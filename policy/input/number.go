package input

import (
	"strconv"
	"strings"
)

// numberSize measures the number of JSON (RFC 8259, section 6) at the start of
// s. When there is none, it says what was expected behind the size.
func numberSize(s string) (size int, wrong string) {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i > start
	}
	at := func(chars string) bool { return i < len(s) && strings.IndexByte(chars, s[i]) >= 0 }

	if at("-") {
		i++
	}
	if at("0") {
		i++
	} else if !digits() {
		return i, "expected a value"
	}
	if at(".") {
		i++
		if !digits() {
			return i, "expected a digit"
		}
	}
	if at("eE") {
		i++
		if at("+-") {
			i++
		}
		if !digits() {
			return i, "expected a digit"
		}
	}
	return i, ""
}

// isNumber reports whether s is a number of JSON and nothing else.
func isNumber(s string) bool {
	size, wrong := numberSize(s)
	return wrong == "" && size == len(s)
}

// inRange reports whether a double can hold the number s without becoming
// infinite.
func inRange(s string) bool {
	// The greatest double has 309 digits, so without exponent a shorter number
	// is below it.
	if len(s) < 309 && strings.IndexByte(s, 'e') < 0 && strings.IndexByte(s, 'E') < 0 {
		return true
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// decimal is a number of JSON in a form that is the same for all ways to write
// it, and for no other number: its digits without zeros at either end, and the
// power of ten of the last one. Doubles would not do, since numbers of more
// than 17 digits, such as those of orders, are told apart by the third party.
// An exponent beyond 32 bits, which is a number that no double tells from zero,
// has no such form, and equals what is written alike and nothing else.
func decimal(s string) (canonical string, ok bool) {
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i+1:]
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	power := int64(-len(fraction))
	trimmed := strings.TrimRight(digits, "0")
	power += int64(len(digits) - len(trimmed))
	trimmed = strings.TrimLeft(trimmed, "0")
	if trimmed == "" {
		return "0", true
	}
	if exponent != "" {
		n, err := strconv.ParseInt(exponent, 10, 32)
		if err != nil {
			return "", false
		}
		power += n
	}
	if negative {
		trimmed = "-" + trimmed
	}
	return trimmed + "e" + strconv.FormatInt(power, 10), true
}
