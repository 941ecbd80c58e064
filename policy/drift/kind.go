package drift

import (
	"fmt"
	"math/bits"
	"strings"
)

// kinds is a set of types that a place was seen with.
type kinds uint8

const (
	object kinds = 1 << iota
	array
	text
	number
	boolean
	null
	// missing stands in a structure for "some objects here were without this
	// member", and in a change for "it is gone".
	missing
)

// words are the types as people read them, in the order of the bits.
var words = [...]string{"object", "array", "string", "number", "bool", "null", "missing"}

// kindOf is the type of the value that starts with a byte, or 0 where none does.
var kindOf = func() (table [256]kinds) {
	table['{'], table['['], table['"'], table['n'] = object, array, text, null
	table['t'], table['f'], table['-'] = boolean, boolean, number
	for c := '0'; c <= '9'; c++ {
		table[c] = number
	}
	return table
}()

// known are the types that say something: a null may stand for anything.
func (k kinds) known() kinds { return k &^ (null | missing) }

// accepts tells whether a later value of type is is no change.
func (k kinds) accepts(is kinds) bool {
	known := k.known()
	return known == 0 || is.known()&^known == 0
}

// String is the types' words, joined by bars: "object|null".
func (k kinds) String() string {
	if bits.OnesCount8(uint8(k)) == 1 {
		return words[bits.TrailingZeros8(uint8(k))]
	}
	var b strings.Builder
	for i, word := range words {
		if k&(1<<i) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('|')
		}
		b.WriteString(word)
	}
	return b.String()
}

// parseKinds reads what String wrote; the words may stand in any order.
func parseKinds(s string) (kinds, error) {
	var k kinds
	for word := range strings.SplitSeq(s, "|") {
		bit := kinds(0)
		for i := range words {
			if words[i] == word {
				bit = 1 << i
			}
		}
		switch {
		case bit == 0:
			return 0, fmt.Errorf("expecting a type instead of %.20q", word)
		case k&bit != 0:
			return 0, fmt.Errorf("expecting %s once", word)
		}
		k |= bit
	}
	if k == missing {
		return 0, fmt.Errorf("expecting a type besides %s", words[len(words)-1])
	}
	return k, nil
}
