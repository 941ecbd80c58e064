package postman

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// kind is what a text of a collection is for.
type kind int

const (
	structure kind = iota // Addresses, names of variables, what the format itself says.
	data                  // Values and bodies.
	prose                 // Names and descriptions.
)

// kindOf tells what a field of one of the collection's objects is for; within is what
// the object itself is for.
func kindOf(object reflect.Type, field string, within kind) kind {
	switch object {
	case reflect.TypeFor[collection](), reflect.TypeFor[item]():
		if field == "Variable" || field == "Auth" {
			return structure
		}
	case reflect.TypeFor[request]():
		if field == "Method" || field == "Auth" {
			return structure
		}
		if field != "Description" {
			return data
		}
	case reflect.TypeFor[address]():
		if field != "Query" && field != "Variable" {
			return structure
		}
	case reflect.TypeFor[param]():
		if field != "Value" && field != "Description" {
			return structure
		}
	case reflect.TypeFor[body]():
		if field == "Mode" || field == "Options" {
			return structure
		}
	case reflect.TypeFor[response]():
		if field != "Name" {
			return data
		}
	}
	return within
}

// everywhere replaces what was hidden in every text of a value.
func (v *vault) everywhere(at reflect.Value, is kind) {
	switch at.Kind() {
	case reflect.String:
		if at.CanSet() && at.Len() > 0 {
			at.SetString(v.clean(at.String(), is))
		}
	case reflect.Pointer:
		if !at.IsNil() {
			v.everywhere(at.Elem(), is)
		}
	case reflect.Struct:
		for i := range at.NumField() {
			v.everywhere(at.Field(i), kindOf(at.Type(), at.Type().Field(i).Name, is))
		}
	case reflect.Map:
		for _, key := range at.MapKeys() {
			at.SetMapIndex(key, reflect.ValueOf(v.clean(at.MapIndex(key).String(), is)))
		}
	case reflect.Slice:
		if at.Type().Elem().Kind() == reflect.Uint8 {
			return // JSON of which nothing is taken over.
		}
		for i := range at.Len() {
			v.everywhere(at.Index(i), is)
		}
	}
}

// clean replaces what was hidden in a text: credentials, also as they stand in a URL,
// in JSON and in base64, and the variables that hold them.
func (v *vault) clean(s string, is kind) string {
	if v.replacing == nil {
		v.replacing = v.replacer()
	}
	s = v.withoutShort(v.replacing.Replace(s), is)
	return reference.ReplaceAllStringFunc(s, func(ref string) string {
		if name, _ := whole(ref); v.private[name] {
			return "{{" + secretMark + name + "}}"
		}
		return ref
	})
}

// replacer looks for the longest credentials first, since one may be a part of
// another.
func (v *vault) replacer() *strings.Replacer {
	slices.SortStableFunc(v.values, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(v.values))
	for _, value := range v.values {
		quoted, _ := json.Marshal(value) // A text always has JSON.
		start := len(pairs)
		for _, form := range []string{
			value, url.QueryEscape(value), url.PathEscape(value), string(quoted[1 : len(quoted)-1]),
			base64.StdEncoding.EncodeToString([]byte(value)),
		} {
			if !slices.Contains(pairs[start:], form) {
				pairs = append(pairs, form, v.replaced[value])
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// withoutShort replaces short credentials where they stand as words: in prose all of
// them, and in data those that are no word or number, since a password that is test
// says nothing of an env that is test. No name of a member is replaced.
func (v *vault) withoutShort(s string, is kind) string {
	if len(v.short) == 0 || is == structure || len(s) < minShort {
		return s
	}
	var b strings.Builder
	end := 0
	for i := 0; i+minShort <= len(s); i++ {
		if !v.begins[s[i]] || i > 0 && isWordByte(s[i-1]) && isWordByte(s[i]) {
			continue
		}
		for size := min(minHidden-1, len(s)-i); size >= minShort; size-- {
			mark, known := v.short[s[i:i+size]]
			if !known || is == data && isPlain(s[i:i+size]) || !endsWord(s, i+size) {
				continue
			}
			b.WriteString(s[end:i] + mark)
			end = i + size
			i = end - 1
			break
		}
	}
	if end == 0 {
		return s
	}
	return b.String() + s[end:]
}

// endsWord tells whether a word of a text ends at a place, and is no member's name.
func endsWord(s string, at int) bool {
	if at < len(s) && isWordByte(s[at]) && isWordByte(s[at-1]) {
		return false
	}
	rest, quoted := strings.CutPrefix(s[at:], `"`)
	return !quoted || !strings.HasPrefix(strings.TrimLeft(rest, " \t\r\n"), ":")
}

// isWordByte tells the characters that words and numbers are made of.
func isWordByte(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c >= 0x80
}

// isPlain tells what is nothing but lower-case letters, or nothing but digits.
func isPlain(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == "" || strings.Trim(s, "0123456789") == ""
}
