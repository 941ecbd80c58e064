//go:build e2e || soak

package e2e

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// Growth that is no leak: goroutines of idle connections, and heap that depends on
// the moment of the measurement.
const (
	goroutineSlack = 100
	heapSlack      = 16 << 20
)

// measure gives the goroutines and the bytes of live heap of the gateway, a
// while after the last call.
func measure(t *testing.T, admin string) (goroutines, heap int) {
	t.Helper()
	time.Sleep(3 * time.Second) // Longer than any call, hung up on or not.
	return sizes(t, "http://"+net.JoinHostPort("127.0.0.1", admin))
}

// sizes gives the goroutines and the bytes of live heap of the gateway whose admin
// endpoint is at an address.
func sizes(t *testing.T, address string) (goroutines, heap int) {
	t.Helper()
	address += "/debug/pprof/"
	goroutines = find(t, address+"goroutine?debug=1", `^goroutine profile: total (\d+)`)
	heap = find(t, address+"heap?gc=1&debug=1", `(?m)^# HeapAlloc = (\d+)`)
	return goroutines, heap
}

// find reads a number from what is at the address.
func find(t *testing.T, address, pattern string) int {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatalf("measuring: %v", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("measuring: %v", err)
	}
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s does not say %s", address, pattern)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatalf("measuring: %v", err)
	}
	return n
}
