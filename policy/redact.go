package policy

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// redacted stands in the call log for what nobody is to see.
const redacted = "[redacted]"

// privateWords are parts of the names of headers and parameters that hold
// credentials, whoever sent them.
var privateWords = []string{
	"auth", "cookie", "token", "secret", "password", "passwd", "api-key", "api_key", "apikey", "signature", "credential", "session",
}

// privateNames are whole names that do.
var privateNames = []string{"sig", "key", "code", "pwd", "pass", "x-amz-security-token"}

// IsPrivateName tells the names of headers and parameters that hold credentials, by
// the words in them and in any case. The call log does not keep their values.
func IsPrivateName(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(privateNames, name) || slices.ContainsFunc(privateWords, func(word string) bool { return strings.Contains(name, word) })
}

// headerNames remembers which headers are private: there are few names, and every
// call has a dozen of them. The map is never changed, only replaced.
var headerNames atomic.Pointer[map[string]bool]

// maxHeaderNames bounds the names that are remembered, and maxHeaderName their
// length in bytes.
const (
	maxHeaderNames = 1000
	maxHeaderName  = 64
)

// isPrivateHeader tells the headers whose values the call log does not keep.
func isPrivateHeader(name string) bool {
	known := headerNames.Load()
	if known != nil {
		if private, found := (*known)[name]; found {
			return private
		}
	}
	private := IsPrivateName(name)
	if len(name) > maxHeaderName || known != nil && len(*known) >= maxHeaderNames {
		return private
	}
	more := make(map[string]bool, maxHeaderName)
	if known != nil {
		maps.Copy(more, *known)
	}
	more[strings.Clone(name)] = private
	headerNames.CompareAndSwap(known, &more) // Otherwise the next call adds it.
	return private
}

// masks are what the paths of redact found in the bodies of a call. It is not
// shown wherever else it stands. The zero value masks nothing.
type masks struct {
	all   bool            // there is too much to look for: nothing is shown
	whole map[string]bool // the texts of the values, as they and Go write them
	texts finder          // those of at least minMask bytes
	size  int             // of the texts, in bytes
	body  string          // how the text of the answer's body is shown, where it would be
}

// Bounds of masks.
const (
	// minMask is how long a value must be to be looked for everywhere, in bytes: a
	// shorter one stands in too many places by chance. As a whole value it is
	// found all the same.
	minMask = 4
	// maxMasks bounds the values of a call that are looked for, and maxMasksSize
	// their length together, in bytes. Beyond that nothing of the call is shown.
	maxMasks     = 4096
	maxMasksSize = 256 << 10
)

// any tells whether anything was found.
func (m *masks) any() bool { return m.all || len(m.whole) > 0 }

// note remembers a value that redact found, and of a list or an object all that is
// in it, but for the names of members: they say what is there, not what it is.
func (m *masks) note(raw []byte) {
	value, err := extract.FromJSON(raw)
	if err != nil {
		m.all = true // Not reached: it is a piece of a document that was read.
		return
	}
	m.add(value)
	walk(raw, func(start, end int) {
		if !m.all {
			m.note(raw[start:end])
		}
	})
}

// add remembers one value.
func (m *masks) add(v extract.Value) {
	if m.whole == nil {
		m.whole = make(map[string]bool)
	}
	for _, text := range textsOf(v) {
		if m.all || m.whole[text] {
			continue
		}
		if m.size += len(text); m.size > maxMasksSize || len(m.whole) >= maxMasks {
			m.all = true
			return
		}
		m.whole[text] = true
		if k := v.Kind(); len(text) >= minMask && (k == extract.String || k == extract.Number) {
			m.texts.add(text)
		}
	}
}

// textsOf are the ways in which a value is written: as it stood, and where it is a
// number, as Go writes what conditions make of it.
func textsOf(v extract.Value) []string {
	text := string(v.AppendText(nil))
	if v.Kind() != extract.Number {
		return []string{text}
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return []string{text}
	}
	return []string{text, plainNumber(number), fmt.Sprint(number)}
}

// plainNumber writes a number without an exponent.
func plainNumber(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// isWhole tells whether a value that stands for itself is one that was found.
func (m *masks) isWhole(v any) bool {
	if !m.any() {
		return false
	}
	switch v := v.(type) {
	case nil:
		return m.all || m.whole["null"]
	case string:
		return m.all || m.whole[v]
	case float64:
		return m.all || m.whole[plainNumber(v)]
	default:
		return m.all || m.whole[fmt.Sprint(v)]
	}
}

// holds tells whether a JSON value is one that was found.
func (m *masks) holds(raw []byte) bool {
	value, err := extract.FromJSON(raw)
	return m.all || err != nil || slices.ContainsFunc(textsOf(value), func(text string) bool { return m.whole[text] })
}

// appendJSON appends a JSON value without what was found in it, be it as short as
// it may.
func (m *masks) appendJSON(dst, raw []byte) []byte {
	if m.holds(raw) {
		return appendRedacted(dst)
	}
	return m.appendInside(dst, raw)
}

// appendInside is appendJSON for a value that is not itself looked for.
func (m *masks) appendInside(dst, raw []byte) []byte {
	at := 0
	walk(raw, func(start, end int) {
		dst = m.appendJSON(append(dst, raw[at:start]...), raw[start:end])
		at = end
	})
	return append(dst, raw[at:]...)
}

// appendRedacted appends what stands for a value, as JSON.
func appendRedacted(dst []byte) []byte { return append(append(append(dst, '"'), redacted...), '"') }

// overwrite fills what is masked with asterisks. cut tells that the text may end
// in the middle of it.
func (m *masks) overwrite(b []byte, cut bool) { m.texts.overwrite(b, cut) }

// text gives a text, of at most maxAttribute bytes, without what is masked.
func (m *masks) text(s string) string {
	switch {
	case m.body != "" && s == m.body:
		return redacted
	case !m.any():
		return s
	case m.isWhole(s):
		return redacted
	}
	cut := len(s) > maxAttribute-utf8.UTFMax
	if cut {
		s = strings.TrimSuffix(s, "?") // It stands for a character that was cut in two.
	}
	b := []byte(s)
	m.overwrite(b, cut)
	return string(b)
}

// Why a body is not kept where redact is written.
const (
	noteNotWhole = "The body is not kept: redact is written, and not all of it was seen."
	noteNoJSON   = "The body is not kept: redact is written, and it is not JSON that it can look into."
	noteTooMuch  = "Nothing is kept: redact finds too much to look for."
)

// shownBody gives a body as the log may show it, and otherwise says why it is not
// there. What redact finds is replaced, and noted for all other places.
func (p *packer) shownBody(body []byte, whole bool) (shown []byte, note string) {
	switch {
	case len(p.redact) == 0 || len(body) == 0 && whole:
		return body, ""
	case !whole:
		return nil, noteNotWhole
	}
	places, err := extract.Locate(body, p.redact)
	if err != nil {
		if _, fault := anyJSON.Read(body, nil); fault == nil {
			p.masks.all = true // The paths find more in it than they can tell.
		}
		return nil, noteNoJSON
	}
	at := 0
	for _, found := range places {
		p.masks.note(body[found.Start:found.End])
		shown = appendRedacted(append(shown, body[at:found.Start]...))
		at = found.End
	}
	if repeatsNames(body) {
		return nil, noteNoJSON // Paths see only the last of members with the same name.
	}
	return append(shown, body[at:]...), ""
}

// The members of an envelope that hold what came from the third party.
var (
	envelopeVars = mustPath("$.vars")
	envelopeData = mustPath("$.data")
)

// mustPath compiles a path that is known to be right.
func mustPath(source string) *extract.Path {
	path, err := extract.CompilePath(source)
	if err != nil {
		panic(err)
	}
	return path
}

// shownEnvelope is shownBody for an envelope: redact looks into its data, as into
// the body that this is.
func (p *packer) shownEnvelope(body []byte) (shown []byte, note string) {
	if len(p.redact) == 0 || len(body) == 0 {
		return body, ""
	}
	vars, err := extract.Locate(body, []*extract.Path{envelopeVars})
	data, fault := extract.Locate(body, []*extract.Path{envelopeData})
	if err != nil || fault != nil || len(vars) != 1 || len(data) != 1 || vars[0].End > data[0].Start {
		return nil, noteNoJSON // Not reached: an envelope is made here.
	}
	inner := body[data[0].Start:data[0].End]
	if inner[0] == '"' {
		return nil, noteNoJSON // Text that was no JSON stands there as a string.
	}
	inner, note = p.shownBody(inner, true)
	if note != "" {
		return nil, note
	}
	shown = append(shown, body[:vars[0].Start]...)
	shown = p.masks.appendInside(shown, body[vars[0].Start:vars[0].End])
	shown = append(append(shown, body[vars[0].End:data[0].Start]...), inner...)
	return append(shown, body[data[0].End:]...), ""
}

// maxSentPairs bounds the query parameters of a named call that redact looks into.
const maxSentPairs = 1000

// noteSent lets redact look into the variables that a named call sent: however
// they came, to their operation they are members of one object.
func (p *packer) noteSent() {
	object := []byte{'{'}
	if p.op != nil && p.call.inputs != nil {
		for i, name := range p.op.sends.names {
			if i < len(p.call.inputs) && p.call.inputs[i].Exists() {
				object = append(append(append(object, jsonString(name)...), ':'), p.call.inputs[i].JSON()...)
				object = append(object, ',')
			}
		}
	}
	p.shownBody(append(bytes.TrimSuffix(object, []byte{','}), '}'), true)
	pairs := 0
	for pair := range strings.SplitSeq(p.glimpse.url.RawQuery, "&") {
		if pairs++; pairs > maxSentPairs {
			p.masks.all = true
			return
		}
		if name, value, found := strings.Cut(pair, "="); found {
			one := append(append([]byte{'{'}, jsonString(decodedQuery(name))...), ':')
			p.shownBody(append(append(one, jsonString(decodedQuery(value))...), '}'), true)
		}
	}
}

// decodedQuery undoes the escapes of a query's text, where that is possible.
func decodedQuery(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// variablePrefix begins the names of the headers that hold variables.
const variablePrefix = ownPrefix + "Var-"

// maskVariables hides what redact found among the variables in the headers of the
// bot's answer, which the buffer holds, be it as short as it may.
func (p *packer) maskVariables() {
	packed := p.buf
	p.buf = make([]byte, 0, cap(packed))
	g := &p.glimpse
	for _, head := range []*place{&g.mine, &g.came, &g.head} { // In the order in which they stand.
		if head.start == head.end {
			continue
		}
		from := len(p.buf)
		for name, value := range calllog.Fields(head.of(packed)) {
			if strings.HasPrefix(name, variablePrefix) && p.masks.hidesVariable(value) {
				value = redacted
			}
			p.buf, _ = calllog.AppendHeader(p.buf, from, name, value)
		}
		head.start, head.end = from, len(p.buf)
	}
}

// hidesVariable tells whether redact found something in a variable that stands in
// a header.
func (m *masks) hidesVariable(value string) bool {
	text, err := url.PathUnescape(value)
	if err != nil || m.isWhole(text) {
		return true
	}
	if text == "" || text[0] != '[' && text[0] != '{' {
		return false
	}
	if _, err := anyJSON.Read([]byte(text), nil); err != nil {
		return false // It is a string that looks like a list.
	}
	return !bytes.Equal(m.appendJSON(nil, []byte(text)), []byte(text))
}
