package stale

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// packed gives an answer's payload.
func packed(c *codec, a Answer) []byte {
	return c.pack(NewStore(0, 0).newEntry(start, key("/"), nil, a))
}

func TestAPayloadHoldsTheWholeAnswer(t *testing.T) {
	c := newCodec(DefaultMaxEntry)
	for _, a := range []Answer{
		answer(""), answer("b"), {Status: 302, Header: header("Location: /x")}, {Status: 200},
		answer("b", "Age: 77", "Link: 1", "Link: 2", "X: ", "X: ä\t!"),
		answer(strings.Repeat("b", 5000), "Content-Type: text/plain"),
		answer(randomText(5000)), answer(randomText(minCompressed)), answer(orders(100_000)),
		answer(strings.Repeat("b", DefaultMaxEntry-entryOverhead-100)),
	} {
		e := c.unpack(packed(c, a))
		if e == nil {
			t.Errorf("status %d, %v, %d bytes: got nothing", a.Status, a.Header, len(a.Body))
			continue
		}
		if e.answer.Status != a.Status || !bytes.Equal(e.answer.Body, a.Body) || fmt.Sprint(e.answer.Header) != fmt.Sprint(lastingHeader(a.Header)) || e.arrivalAge != arrivalAge(a.Header) {
			t.Errorf("status %d, %v, %d bytes: got status %d, %v, %d bytes, age %v", a.Status, a.Header, len(a.Body), e.answer.Status, e.answer.Header, len(e.answer.Body), e.arrivalAge)
		}
	}
}

func TestOnlyWhatBecomesSmallerIsCompressed(t *testing.T) {
	c := newCodec(DefaultMaxEntry)
	for _, tt := range []struct {
		body string
		want byte
		most int
	}{
		{strings.Repeat("b", 200), formPlain, 210},
		{strings.Repeat("b", 300), formZstd, 60},
		{randomText(5000), formPlain, 5010},
		{orders(4096), formZstd, 1100},
	} {
		if got := packed(c, answer(tt.body)); got[0] != tt.want || len(got) > tt.most {
			t.Errorf("%.10q… of %d bytes: got form %c and %d bytes, want %c and at most %d", tt.body, len(tt.body), got[0], len(got), tt.want, tt.most)
		}
	}
}

// plain makes a payload by hand.
func plain(status, age uint64, headers int, rest ...string) []byte {
	b := []byte{formPlain}
	b = binary.AppendUvarint(b, status)
	b = binary.AppendUvarint(b, age)
	b = binary.AppendUvarint(b, uint64(headers))
	return append(b, strings.Join(rest, "")...)
}

// one writes a header with one value.
func one(name, value string) string {
	b := append(appendString(nil, name), 1)
	return string(appendString(b, value))
}

func TestABrokenPayloadIsNone(t *testing.T) {
	c := newCodec(DefaultMaxEntry)
	var tiny []string
	for i := range 20_000 {
		tiny = append(tiny, one(fmt.Sprintf("%x", i), ""))
	}
	for name, tt := range map[string]struct {
		payload []byte
		want    string
	}{
		"whole":                 {plain(200, 0, 1, one("X", "1"), "b"), "b"},
		"a header in lower":     {plain(200, 0, 1, one("x-y", "1"), "b"), "b"},
		"nothing":               {nil, "-"},
		"another form":          {[]byte("qb"), "-"},
		"no number":             {[]byte{formPlain, 0xff}, "-"},
		"a failure":             {plain(500, 0, 0, "b"), "-"},
		"a partial answer":      {plain(206, 0, 0, "b"), "-"},
		"status too large":      {plain(1<<40, 0, 0, "b"), "-"},
		"a name with a break":   {plain(200, 0, 1, one("X\r\nY", "1"), "b"), "-"},
		"a value with a break":  {plain(200, 0, 1, one("X", "1\r\nY: 2"), "b"), "-"},
		"a value with a zero":   {plain(200, 0, 1, one("X", "\x00"), "b"), "-"},
		"no name":               {plain(200, 0, 1, one("", "1"), "b"), "-"},
		"a name past the end":   {plain(200, 0, 1, "\xff\x01X"), "-"},
		"more headers than are": {plain(200, 0, 5, one("X", "1")), "-"},
		"headers without end":   {append(plain(200, 0, 0)[:3], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), "-"},
		"too many headers":      {plain(200, 0, len(tiny), tiny...), "-"},
		"too large":             {append(plain(200, 0, 0), make([]byte, DefaultMaxEntry)...), "-"},
		"zstd of nothing":       {[]byte{formZstd}, "-"},
		"no zstd":               {[]byte("z whatever"), "-"},
	} {
		got := "-"
		if e := c.unpack(tt.payload); e != nil {
			got = string(e.answer.Body)
		}
		if got != tt.want {
			t.Errorf("%s: got %.20q, want %q", name, got, tt.want)
		}
	}
	if e := c.unpack(plain(200, 1<<62, 2, one("Set-Cookie", "a"), one("Connection", "x"), "b")); e == nil || len(e.answer.Header) != 0 || e.arrivalAge != maxArrivalAge*time.Second {
		t.Errorf("got %+v, want no headers of the connection and the greatest age", e)
	}
}

func TestABombInRedisCostsBoundedMemory(t *testing.T) {
	bomb := func(size int, options ...zstd.EOption) []byte {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b, append(options, zstd.WithEncoderConcurrency(1))...)
		if err != nil {
			t.Fatal(err)
		}
		for range size >> 20 {
			w.Write(make([]byte, 1<<20))
		}
		w.Close()
		return append([]byte{formZstd}, b.Bytes()...)
	}
	whole, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := newCodec(DefaultMaxEntry)
	c.unpack(packed(c, answer(orders(10_000)))) // The decoder has its buffers now.
	frame := bomb(1<<20, zstd.WithWindowSize(64<<10))
	for name, payload := range map[string][]byte{
		"of unknown size": bomb(32<<20, zstd.WithWindowSize(64<<10)),
		"with its size":   whole.EncodeAll(make([]byte, 32<<20), []byte{formZstd}),
		"a wide window":   bomb(32<<20, zstd.WithWindowSize(32<<20)),
		"of many frames":  append(frame, bytes.Repeat(frame[1:], 200)...),
		"of empty frames": append([]byte{formZstd}, bytes.Repeat(whole.EncodeAll(nil, nil), 1000)...),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e := c.unpack(payload)
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; e != nil || allocated > 16*DefaultMaxEntry {
			t.Errorf("%s: %d bytes became an answer: %v; %d bytes were allocated, want at most %d", name, len(payload), e != nil, allocated, 16*DefaultMaxEntry)
		}
	}
}

func FuzzEntry(f *testing.F) {
	c := newCodec(64 << 10)
	for _, a := range []Answer{answer("b", "X: 1"), answer(orders(1000), "Age: 5", "Link: 1", "Link: 2"), {Status: 302}} {
		f.Add(packed(c, a))
	}
	f.Add(plain(200, 0, 1, one("X\n", "1")))
	f.Fuzz(func(t *testing.T, payload []byte) {
		e := c.unpack(payload)
		if e == nil {
			return
		}
		if !whole(e.answer.Status) || len(e.answer.Body) > 64<<10 || e.arrivalAge < 0 {
			t.Fatalf("%q became status %d, %d bytes, age %v", payload, e.answer.Status, len(e.answer.Body), e.arrivalAge)
		}
		var wire strings.Builder
		e.answer.Header.Write(&wire)
		lines := 0
		for name, values := range e.answer.Header {
			if lines += len(values); name != http.CanonicalHeaderKey(name) {
				t.Fatalf("%q became the header %q", payload, name)
			}
		}
		if strings.Count(wire.String(), "\n") != lines {
			t.Fatalf("%q became %q", payload, wire.String())
		}
		e.size = 1
		if again := c.unpack(c.pack(e)); again == nil || !bytes.Equal(again.answer.Body, e.answer.Body) || fmt.Sprint(again.answer.Header) != fmt.Sprint(e.answer.Header) {
			t.Fatalf("%q became %+v and that became %+v", payload, e, again)
		}
	})
}

func BenchmarkPack(b *testing.B) {
	c := newCodec(DefaultMaxEntry)
	for _, size := range []int{200, 4096, 65536} {
		e := NewStore(0, 0).newEntry(start, key("/"), nil, answer(orders(size), "Content-Type: application/json", "Etag: e", "Date: d"))
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n = len(c.pack(e))
			}
			b.ReportMetric(float64(n), "bytes")
		})
	}
}

func BenchmarkUnpack(b *testing.B) {
	c := newCodec(DefaultMaxEntry)
	for _, size := range []int{200, 4096, 65536} {
		payload := packed(c, answer(orders(size), "Content-Type: application/json", "Etag: e", "Date: d"))
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c.unpack(payload) == nil {
					b.Fatal("the payload is broken")
				}
			}
		})
	}
}
