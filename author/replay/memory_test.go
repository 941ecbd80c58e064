package replay_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/replay"
)

// stream gives a HAR file of any length, piece by piece, and watches the memory
// that is in use meanwhile.
type stream struct {
	left    int64
	number  int
	pieces  []string // of an entry; the number stands before the second
	pending string
	most    uint64
}

// Read gives the next bytes.
func (s *stream) Read(p []byte) (int, error) {
	if s.pending == "" {
		switch {
		case s.left < 0:
			return 0, io.EOF
		case s.number == 0:
			s.pending = `{"log":{"version":"1.2","entries":[`
		case s.left == 0:
			s.left, s.pending = -1, "]}}"
		default:
			if s.number > 1 {
				s.pending = ",\n"
			}
			s.pending += s.pieces[0] + fmt.Sprint(s.number) + s.pieces[1]
			s.left = max(0, s.left-int64(len(s.pending)))
			s.watch()
		}
		s.number++
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

// watch notes how much memory is in use.
func (s *stream) watch() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.most = max(s.most, m.HeapInuse)
}

// streamed is how long the stream is, in bytes.
var streamed int64 = 200 << 20

func TestAFileOfAnySizeTakesBoundedMemory(t *testing.T) {
	spec := storeSpec("https://api.store.example/v2")
	const head = `{"startedDateTime":"2026-11-20T08:00:00.000Z","time":3,"request":{"method":"GET","headers":[],"url":"https://`
	for name, test := range map[string]struct {
		entry []string
		calls bool
	}{
		"pictures": {[]string{head + "cdn.example/", `.png"},"response":{"status":200,"headers":[],"content":{"size":150000,"encoding":"base64","text":"` + strings.Repeat("QUJD", 100_000) + `"}}}`}, false},
		"long answers": {[]string{head + "api.store.example/v2/orders/", `"},"response":{"status":200,"headers":[],"content":{"size":-1,"text":"{\"order\":{\"status\":\"shipped\"},\"x\":\"` +
			strings.Repeat("xyz ", 200_000) + `\"}"}}}`}, true},
	} {
		runtime.GC()
		s := &stream{left: streamed, pieces: test.entry}
		r, err := replay.Run(&spec, replay.Options{}, replay.Input{Name: "large.har", From: s})
		if err != nil || len(r.Mistakes) > 0 || r.Calls != s.number-2 || (r.Now > 0) != test.calls {
			t.Fatalf("%s: %v: %d calls of %d: %s", name, err, r.Calls, s.number-2, told(t, r))
		}
		const bound = 250 << 20
		if s.most > bound {
			t.Errorf("%s: %d MiB were in use, want at most %d", name, s.most>>20, bound>>20)
		}
		t.Logf("%s: %d calls, %d MiB in use at most", name, r.Calls, s.most>>20)
	}
}
