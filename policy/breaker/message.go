package breaker

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is told and heard. What is beyond them is not told, and not heard.
const (
	// fullBatch is when a message of results is sent, in bytes; one more cell is a
	// few hundred.
	fullBatch = 32 << 10
	// maxMessage is how long a message may be, in bytes.
	maxMessage = 64 << 10
	// maxHeard is how many results one message may hold. It takes about a
	// millisecond to count them.
	maxHeard = 10_000
	// maxHostName and maxTenantName are in bytes.
	maxHostName, maxTenantName = 512, 256
	// maxID is how long the name of a record or an order may be, in bytes.
	maxID = 100
	// maxHold is how long a hold lasts that is heard, at most.
	maxHold = 100 * 365 * 24 * time.Hour
)

// What a message begins with. All else stands in lines of their own.
const (
	wordResults = "results" // Sidecar; then, for each cell, policy, tally, host, tenant.
	wordOpen    = "open"    // Policy, record, ms that are left, host, and tenant if it is one's.
	wordClosed  = "closed"  // Policy, record, host, and tenant if it is one's.
	wordOrder   = "order"   // Policy, id, kind, age in ms, ms that are left or 0.
)

// lines reads a message line by line. Good stays true while there are enough and
// they hold what they should.
type lines struct {
	rest string
	more bool
	good bool
}

func newLines(text string) *lines { return &lines{rest: text, more: true, good: true} }

// next gives the next line, empty when there is none.
func (l *lines) next() (line string) {
	if !l.more {
		l.good = false
		return ""
	}
	line, l.rest, l.more = strings.Cut(l.rest, "\n")
	return line
}

// name gives a line that is a name of at most so many bytes.
func (l *lines) name(most int) string {
	line := l.next()
	if line == "" || !sayable(line, most) {
		l.good = false
	}
	return line
}

// span gives a line that is a number of ms, at most so long.
func (l *lines) span(most time.Duration) time.Duration {
	n, err := strconv.ParseUint(l.next(), 10, 63)
	if err != nil || n > uint64(most/time.Millisecond) {
		l.good = false
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

// cell gives what the last lines name.
func (l *lines) cell() cellKey {
	k := cellKey{host: l.name(maxHostName)}
	if l.more {
		k.tenant = l.name(maxTenantName)
	}
	l.good = l.good && !l.more
	return k
}

// tally gives a line that is a tally.
func (l *lines) tally() (t tally) {
	words := strings.Fields(l.next())
	for i, n := range []*uint32{&t.before, &t.successes, &t.between, &t.after} {
		if len(words) != 4 {
			l.good = false
			break
		}
		v, err := strconv.ParseUint(words[i], 10, 32)
		if err != nil || v > maxTally {
			l.good = false
		}
		*n = uint32(v)
	}
	return t
}

// sayable tells whether a name can be told: text of one line, so long at most.
func sayable(name string, most int) bool {
	return len(name) <= most && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// tellable tells whether peers can be told of a cell.
func (k cellKey) tellable() bool {
	return k.host != "" && sayable(k.host, maxHostName) && sayable(k.tenant, maxTenantName)
}

// field is the name of a cell's record at Redis.
func (k cellKey) field() string {
	if k.tenant == "" {
		return k.host
	}
	return k.host + "\n" + k.tenant
}

// parseField is the opposite of field.
func parseField(field string) (k cellKey, ok bool) {
	l := newLines(field)
	k = l.cell()
	return k, l.good
}
