package postman

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
)

// knowVariables tests that the collection has the variables that whoever imports gives
// values for.
func knowVariables(c *collection, given map[string]string) error {
	if len(given) == 0 {
		return nil
	}
	names := make(map[string]bool)
	for _, list := range variablesOf(c) {
		for _, p := range list {
			names[p.name()] = true
		}
	}
	refer(reflect.ValueOf(c).Elem(), names)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if names[name] {
			continue
		}
		delete(names, "")
		all := "none"
		if len(names) > 0 {
			all = draft.OneLine(strings.Join(slices.Sorted(maps.Keys(names)), ", "), 4*maxText)
		}
		return fmt.Errorf("the collection has no variable %s: it has %s", quote(name), all)
	}
	return nil
}

// refer notes the variables that the texts of a value refer to.
func refer(at reflect.Value, names map[string]bool) {
	switch at.Kind() {
	case reflect.String:
		for _, name := range open(at.String()) {
			names[name] = true
		}
	case reflect.Pointer:
		if !at.IsNil() {
			refer(at.Elem(), names)
		}
	case reflect.Struct:
		for i := range at.NumField() {
			refer(at.Field(i), names)
		}
	case reflect.Map:
		for _, key := range at.MapKeys() {
			refer(at.MapIndex(key), names)
		}
	case reflect.Slice:
		if at.Type().Elem().Kind() != reflect.Uint8 {
			for i := range at.Len() {
				refer(at.Index(i), names)
			}
		}
	}
}
