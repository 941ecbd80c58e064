package stale

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// Key says which answers may stand in for each other. Two keys are the same
// only when all their fields are.
type Key struct {
	// Tenant is on whose behalf the call leaves.
	Tenant string
	// Policy and Operation name what was called; no operation is "".
	Policy, Operation string
	// Method is the request's. Answers are kept for GET and HEAD, each by itself.
	Method string
	// URL is the outgoing one with its query, before credentials are added, so
	// that the store holds none and rotating one loses no answers.
	URL string
	// Credentials is what HashCredentials makes of the request as the bot sent it,
	// or HashHeader of one that the gateway filled with the bot's variables.
	Credentials [sha256.Size]byte
}

// size is what the key's strings occupy.
func (k Key) size() int {
	return len(k.Tenant) + len(k.Policy) + len(k.Operation) + len(k.Method) + len(k.URL)
}

// clone gives a key that shares no memory with the request that it came from.
// The other fields are the configuration's or net/http's own words.
func (k Key) clone() Key {
	k.Tenant, k.URL = strings.Clone(k.Tenant), strings.Clone(k.URL)
	return k
}

// credentialWords are what the names of headers with credentials contain.
// Authorization, Proxy-Authorization, X-Auth-Token, Cookie, X-Api-Key and
// X-Amz-Security-Token are among them, Idempotency-Key is not. A word too many
// costs a stale answer now and then, a word too few gives one away.
var credentialWords = [][]byte{
	[]byte("auth"), []byte("cookie"), []byte("token"), []byte("secret"), []byte("password"), []byte("session"),
	[]byte("signature"), []byte("credential"), []byte("api-key"), []byte("apikey"), []byte("api_key"),
	[]byte("access-key"), []byte("access_key"),
}

// HashCredentials gives a SHA-256 hash over the headers that identify whoever
// sent the request, and all zeros when there are none. Such headers are told by
// their names; credentials in a query are part of Key.URL. It reads h and is
// safe for concurrent use with other readers.
func HashCredentials(h http.Header) [sha256.Size]byte {
	var names []string
	for name := range h {
		if namesCredentials(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return [sha256.Size]byte{}
	}
	slices.Sort(names)
	return hashHeaders(h, names)
}

// HashHeader gives a SHA-256 hash over a whole header, for requests of which any
// header may tell who sent it. It reads h and is safe for concurrent use with
// other readers.
func HashHeader(h http.Header) [sha256.Size]byte {
	return hashHeaders(h, slices.Sorted(maps.Keys(h)))
}

func namesCredentials(name string) bool {
	var buf [64]byte // Keeps the usual name off the heap.
	lower := append(buf[:0], name...)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	for _, word := range credentialWords {
		if bytes.Contains(lower, word) {
			return true
		}
	}
	return false
}

// hashHeaders gives a hash over the named headers' values. The lines of a header
// are hashed as the one list that they are (RFC 9110, section 5.3); a header that
// is absent differs from an empty one.
func hashHeaders(h http.Header, names []string) [sha256.Size]byte {
	var buf [512]byte // Keeps the usual request off the heap.
	b := buf[:0]
	for _, name := range names {
		b = appendString(b, name)
		values, ok := h[name]
		if !ok {
			b = append(b, 0)
			continue
		}
		b = append(b, 1)
		b = appendString(b, joinLines(values))
	}
	return sha256.Sum256(b)
}

// joinLines joins the lines of a header.
func joinLines(values []string) string {
	if len(values) == 1 {
		return textproto.TrimString(values[0])
	}
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = textproto.TrimString(v)
	}
	return strings.Join(trimmed, ", ")
}

// appendString appends s behind its length, so that no two lists of strings
// look the same.
func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
