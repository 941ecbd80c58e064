package postman

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of one request, beyond which no operation could send it.
const (
	maxAddress = 8 << 10  // Bytes of its address, and of each value of a list.
	maxFields  = 256      // Parameters, headers, fields of a form, pieces of its address.
	maxBody    = 64 << 10 // Bytes of its body.
	maxWords   = 4 << 10  // Bytes of names and descriptions, of which the rest is cut off.
)

// bound cuts off what nothing is made of, before anything looks into it, and notes
// what keeps a request from becoming an operation.
func (it *item) bound() {
	it.Name, it.Description = cut(it.Name), cut(it.Description)
	it.Response = it.Response[:min(len(it.Response), maxResponses)]
	for i := range it.Response {
		r := &it.Response[i]
		r.Name = cut(r.Name)
		r.Header = r.Header[:min(len(r.Header), maxFields)]
		if len(r.Body) > maxAnswer {
			*r = response{}
		}
	}
	if r := it.Request; r != nil {
		r.Description = cut(r.Description)
		if r.refused == nil {
			r.refused = r.tooLarge()
		}
		if r.refused != nil {
			*r = request{refused: r.refused}
		}
	}
}

// cut gives a text that is not too long.
func cut(s text) text {
	if len(s) <= maxWords {
		return s
	}
	end := maxWords
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// list is a list of a request, by the name that messages have for it.
type list struct {
	name string
	all  []param
}

// tooLarge says what about a request is, if anything.
func (r *request) tooLarge() error {
	a := &r.URL
	lists := []list{{"parameters", a.Query}, {"headers", r.Header}, {"variables in its address", a.Variable}}
	if b := r.Body; b != nil {
		lists = append(lists, list{"fields", b.URLEncoded})
		size := len(b.Raw)
		if b.GraphQL != nil {
			size = len(b.GraphQL.Query) + len(b.GraphQL.Variables) + len(b.GraphQL.OperationName)
		}
		if size > maxBody {
			return fmt.Errorf("its body has %d bytes: a named call's template has at most %d", size, maxBody)
		}
	}
	if len(a.Raw) > maxAddress || len(a.Path) > maxFields || len(a.Host) > maxFields || strings.Count(string(a.Raw), "&") > maxFields {
		return fmt.Errorf("its address is longer than %d bytes, or has more than %d parts", maxAddress, maxFields)
	}
	for _, l := range lists {
		if len(l.all) > maxFields {
			return fmt.Errorf("it has more than %d %s", maxFields, l.name)
		}
		for _, p := range l.all {
			if len(p.Key) > maxAddress || len(p.Value) > maxAddress {
				return fmt.Errorf("one of its %s has more than %d bytes", l.name, maxAddress)
			}
		}
	}
	return nil
}
