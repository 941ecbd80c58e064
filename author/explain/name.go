package explain

import (
	"strconv"
	"strings"
)

// maxVariable bounds the names of variables that are suggested, in bytes.
const maxVariable = 48

// Names are names of variables that have been suggested, so that none is twice.
// The zero value has suggested none. It is not safe for concurrent use.
type Names struct{ used map[string]int } // with how many were of each

// Pick makes a name of a variable, [a-z][a-z0-9_]*, out of a member's, which no
// other value has been given: status, status_2.
func (n *Names) Pick(member string) string {
	if n.used == nil {
		n.used = make(map[string]int)
	}
	base := variableName(member)
	for {
		n.used[base]++
		if n.used[base] == 1 {
			return base
		}
		name := base + "_" + strconv.Itoa(n.used[base])
		if n.used[name] == 0 {
			n.used[name] = 1
			return name
		}
	}
}

// variableName makes the name of a variable out of a member's: orderStatus is
// order_status. What holds no letter of ASCII is "value".
func variableName(member string) string {
	var b strings.Builder
	var last rune
	for _, c := range member {
		if b.Len() >= maxVariable {
			break
		}
		upper := 'A' <= c && c <= 'Z'
		if upper {
			c |= 0x20
		}
		letter := 'a' <= c && c <= 'z'
		digit := '0' <= c && c <= '9'
		switch {
		case !letter && (!digit || b.Len() == 0):
			if b.Len() > 0 && last != '_' {
				b.WriteByte('_')
				last = '_'
			}
			continue
		case upper && ('a' <= last && last <= 'z' || '0' <= last && last <= '9'):
			b.WriteByte('_')
		}
		b.WriteRune(c)
		if last = c; upper {
			last = 'A'
		}
	}
	if name := strings.TrimRight(b.String(), "_"); name != "" {
		return name
	}
	return "value"
}
