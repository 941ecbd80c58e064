package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Change is one thing that is otherwise than before.
type Change struct {
	// What is "outcome", "route", "next", "status", "fallback", "vars.<name>" or
	// "sent".
	What string `json:"what"`

	// Was and Is are texts; of a variable as JSON, or as it stands in a header. Of
	// what is not there, they are empty.
	Was string `json:"was"`
	Is  string `json:"is"`

	// kind is the change without what differs from call to call.
	kind string
}

// maxText bounds the text of a value in a report, in bytes.
const maxText = 200

// change makes a change of two texts that are told wherever it stands.
func change(what, was, is string) Change {
	return Change{What: what, Was: was, Is: is, kind: what + " " + orNone(was) + " → " + orNone(is)}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// compare gives all that is otherwise.
func compare(was, is *Verdict) []Change {
	var changes []Change
	for _, pair := range [][3]string{
		{"route", was.Route, is.Route},
		{"outcome", string(was.Outcome), string(is.Outcome)},
		{"next", was.Next, is.Next},
		{"status", strconv.Itoa(was.Status), strconv.Itoa(is.Status)},
		{"fallback", was.Fallback, is.Fallback},
	} {
		if pair[1] != pair[2] {
			changes = append(changes, change(pair[0], pair[1], pair[2]))
		}
	}
	return append(changes, compareVars(was, is)...)
}

// compareVars gives the variables that are otherwise. What was redacted is not
// compared, nor what was left out of a header.
func compareVars(was, is *Verdict) []Change {
	names := make([]string, 0, len(was.Vars)+len(is.Vars))
	for name := range was.Vars {
		names = append(names, name)
	}
	for name := range is.Vars {
		if _, both := was.Vars[name]; !both {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var changes []Change
	for _, name := range names {
		if slices.Contains(was.Omitted, name) || slices.Contains(is.Omitted, name) {
			continue
		}
		before, wasThere := was.Vars[name]
		now, isThere := is.Vars[name]
		c := Change{What: "vars." + name, Was: short(before), Is: short(now)}
		switch {
		case !isThere:
			c.kind = c.What + " is gone"
		case !wasThere:
			c.kind = c.What + " is new"
		case before == now, strings.Contains(before+now, redacted), !was.InHeaders && sameJSON(before, now):
			continue
		default:
			c.kind = c.What + " changes"
		}
		changes = append(changes, c)
	}
	return changes
}

// sameJSON compares values whatever the order of members and the blanks.
func sameJSON(a, b string) bool {
	var x, y bytes.Buffer
	if json.Compact(&x, []byte(a)) != nil || json.Compact(&y, []byte(b)) != nil {
		return false
	}
	return bytes.Equal(x.Bytes(), y.Bytes())
}

// short gives a text as a report shows it.
func short(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}

// compareSent tells what is otherwise in the request that goes out. A nil one is
// none.
func compareSent(was, is *Sent) []Change {
	if was == nil || is == nil {
		if was == is || is != nil {
			return nil // Nobody knows what went out then.
		}
		return []Change{{What: "sent", Was: short(was.Method + " " + was.URL), kind: "sent nothing any more"}}
	}
	c := Change{What: "sent", Was: short(was.Method + " " + was.URL), Is: short(is.Method + " " + is.URL)}
	switch {
	case was.Method != is.Method:
		c.kind = "sent with " + is.Method + " instead of " + was.Method
	case was.URL != is.URL:
		c.kind = "sent to another URL"
	case !was.Partly && !is.Partly && !bytes.Equal(was.Body, is.Body):
		c.Was, c.Is = short(shown(was.Body)), short(shown(is.Body))
		c.kind = "sent with another body"
	default:
		return nil
	}
	return []Change{c}
}

// shown is a body as text.
func shown(body []byte) string {
	if text := string(body); strings.ToValidUTF8(text, "") == text {
		return text
	}
	return fmt.Sprintf("(%d bytes)", len(body))
}
