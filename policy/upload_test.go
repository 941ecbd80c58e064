package policy_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// stalled is a body of which a little comes, and then nothing until it is closed.
type stalled struct {
	sent   bool
	closed chan struct{}
}

func (s *stalled) Read(p []byte) (int, error) {
	if !s.sent {
		s.sent = true
		return copy(p, "abc"), nil
	}
	<-s.closed
	return 0, io.ErrUnexpectedEOF
}

func (s *stalled) Close() error { return nil }

// reads is a third party that reads the whole request before it answers, as
// net/http does: it waits for its own reading even when the call is given up.
var reads = thirdParty(func(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return reply(r, 200, `{}`), nil
})

func TestABotThatStallsItsUploadHasItsAnswerAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := &stalled{closed: make(chan struct{})}
		defer close(body.closed)
		req := request(http.MethodPost, "/orders", "x")
		req.Body, req.ContentLength = body, 1000
		began := time.Now()
		resp, _ := call(t, open(t, store(policy.Rules{Timeout: seconds(2)}), reads), req)
		if took := time.Since(began); took != 2*time.Second || resp.Header.Get("Signpost-Outcome") != "timeout" {
			t.Errorf("%s after %s, want a timeout after 2s", resp.Header.Get("Signpost-Outcome"), took)
		}
	})
}

func TestABodyIsSentAgainByteForByteHoweverItComes(t *testing.T) {
	for _, size := range []int{1, 31 << 10, 33 << 10, 200 << 10} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(rand.Uint32())
		}
		for name, chop := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "in halves": iotest.HalfReader, "with its end": iotest.DataErrReader,
		} {
			var got [][]byte
			upstream := thirdParty(func(r *http.Request) (*http.Response, error) {
				if len(got) == 0 { // The first attempt breaks off in the middle.
					part := make([]byte, size/2)
					_, err := io.ReadFull(r.Body, part)
					got = append(got, part)
					return nil, errors.Join(errReset, err)
				}
				all, err := io.ReadAll(r.Body)
				got = append(got, all)
				return reply(r, 200, `{}`), err
			})
			req := request(http.MethodPut, "/", "x")
			req.Body, req.ContentLength = io.NopCloser(chop(bytes.NewReader(want))), int64(size)
			g := open(t, store(policy.Rules{Retry: &policy.Retry{Attempts: 1, BackoffMin: 1, BackoffMax: 1}}), upstream)
			if resp, _ := call(t, g, req); resp.StatusCode != 200 {
				t.Fatalf("%d bytes %s: status %d, want 200", size, name, resp.StatusCode)
			}
			if len(got) != 2 || !bytes.Equal(got[1], want) {
				t.Errorf("%d bytes %s: the second attempt sent something else", size, name)
			}
		}
	}
}

func TestABodyTooLargeToKeepIsSentOnce(t *testing.T) {
	for name, length := range map[string]int64{"its length is known": 3000, "its length is not known": -1} {
		attempts := 0
		upstream := thirdParty(func(r *http.Request) (*http.Response, error) {
			attempts++
			n, err := io.Copy(io.Discard, r.Body)
			if n != 3000 {
				t.Errorf("%s: %d bytes were sent, want 3000", name, n)
			}
			return reply(r, 503, `{}`), err
		})
		req := request(http.MethodPut, "/", "x")
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", 3000))), length
		resp, _ := call(t, open(t, store(policy.Rules{Peek: 1000, Retry: &policy.Retry{Attempts: 2}}), upstream), req)
		if attempts != 1 || resp.StatusCode != 503 {
			t.Errorf("%s: %d attempts and status %d, want one and 503", name, attempts, resp.StatusCode)
		}
	}
}

func TestABotWhoseBodyBreaksOffIsNotTheThirdPartysFault(t *testing.T) {
	req := request(http.MethodPost, "/", "x")
	req.Body, req.ContentLength = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)), 10
	if resp, _ := call(t, open(t, store(policy.Rules{}), reads), req); resp.Header.Get("Signpost-Outcome") != "canceled" {
		t.Errorf("got %q, want canceled", resp.Header.Get("Signpost-Outcome"))
	}
	req = request(http.MethodPost, "/", "x")
	req.Body = http.MaxBytesReader(nil, io.NopCloser(strings.NewReader("too much")), 3)
	if resp, _ := call(t, open(t, store(policy.Rules{}), reads), req); resp.StatusCode != 413 || resp.Header.Get("Signpost-Outcome") != "bad_request" {
		t.Errorf("got %d %q, want 413 bad_request", resp.StatusCode, resp.Header.Get("Signpost-Outcome"))
	}
}
