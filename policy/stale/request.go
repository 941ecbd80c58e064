package stale

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

const (
	// maxLines and maxLineBytes bound what is kept of a request's header until
	// Redis has heard of its answer.
	maxLines     = 128
	maxLineBytes = 16 << 10

	// maxVaryBytes bounds the names of the headers that an answer at Redis varies
	// by, so that eight variants fit into what the scripts read.
	maxVaryBytes = 1 << 10
)

// line is a header of a request, its lines joined.
type line struct{ name, value string }

// linesOf gives the headers of a request, and whether that is all of them: what
// is beyond the bounds is not told from anything. Names that no Vary can name are
// left out.
func linesOf(h http.Header) (lines []line, all bool) {
	if len(h) > maxLines {
		return nil, false
	}
	lines = make([]line, 0, len(h))
	bytes := 0
	for name, values := range h {
		l := line{name, joinLines(values)}
		if bytes += len(l.name) + len(l.value); bytes > maxLineBytes {
			return nil, false
		}
		if isToken(name) {
			lines = append(lines, l)
		}
	}
	return lines, true
}

// requestText says to the scripts what a request's headers are:
// ",Name=digest,Name=digest,". Redis gets no value, as some are secret.
func requestText(name keyName, lines []line) string {
	var b strings.Builder
	b.WriteByte(',')
	for _, l := range lines {
		b.WriteString(l.name + "=" + digest(name, l) + ",")
	}
	return b.String()
}

// varyText says to the scripts which of a request's headers an answer needs:
// "Name=digest,Name=", where Name has no digest when the request has no such
// header. It is not for names that are none, nor for too many bytes of them.
func varyText(name keyName, vary []string, lines []line) (text string, ok bool) {
	var b strings.Builder
	bytes := 0
	for i, header := range vary {
		if bytes += len(header); bytes > maxVaryBytes || !isToken(header) {
			return "", false
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(header + "=")
		for _, l := range lines {
			if l.name == header {
				b.WriteString(digest(name, l))
			}
		}
	}
	return b.String(), true
}

// digest hashes a header together with the name of the key, so that the same
// value looks different elsewhere.
func digest(name keyName, l line) string {
	var buf [512]byte // Keeps the usual header off the heap.
	sum := sha256.Sum256(appendString(appendString(append(buf[:0], name[:]...), l.name), l.value))
	return hex.EncodeToString(sum[:16])
}

// keyName is what a key is called at Redis: a hash of all its fields, which says
// neither tenant nor URL.
type keyName [sha256.Size]byte

// nameOf hashes a key.
func nameOf(k Key) keyName {
	var buf [512]byte
	b := buf[:0]
	for _, field := range []string{k.Tenant, k.Policy, k.Operation, k.Method, k.URL} {
		b = appendString(b, field)
	}
	return sha256.Sum256(append(b, k.Credentials[:]...))
}
