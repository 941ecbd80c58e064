package secret_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/signpost-gateway/signpost/policy/secret"
)

// chunks is a source that gives one chunk a read, and then an error, io.EOF unless another is set.
type chunks struct {
	list   [][]byte
	err    error
	closed int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.list) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		return 0, io.EOF
	}
	n := copy(p, c.list[0])
	if c.list[0] = c.list[0][n:]; len(c.list[0]) == 0 {
		c.list = c.list[1:]
	}
	return n, nil
}

func (c *chunks) Close() error { c.closed++; return errors.New("closing") }

func chunked(parts ...string) *chunks {
	c := &chunks{}
	for _, part := range parts {
		c.list = append(c.list, []byte(part))
	}
	return c
}

// readAll reads with buffers of random length up to most bytes.
func readAll(t *testing.T, r io.Reader, random *rand.Rand, most int) ([]byte, error) {
	t.Helper()
	var all []byte
	for {
		buf := make([]byte, 1+random.IntN(most))
		n, err := r.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			if again, err2 := r.Read(buf); again != 0 || !errors.Is(err2, err) {
				t.Errorf("reading after %v gave %d bytes and %v, want the same error", err, again, err2)
			}
			return all, err
		}
		if n == 0 {
			t.Fatal("Read gave no bytes and no error")
		}
	}
}

// cut cuts a text into random chunks of at most most bytes.
func cut(random *rand.Rand, text []byte, most int) *chunks {
	c := &chunks{}
	for len(text) > 0 {
		n := min(1+random.IntN(most), len(text))
		c.list = append(c.list, bytes.Clone(text[:n]))
		text = text[n:]
	}
	return c
}

func TestAStreamIsScrubbedLikeTheWholeHoweverItIsCut(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	sets := [][]string{
		{"sk_live_Zq7!xP2/v+9~Kd=4", "tok_0123456789"},
		{"päss+wörd/with?more", long(1600, "Zt9_QXab")},
		{"aaaaaaaaaa", "aabaabaab", `a\"a\"a\"a\"`, "a%61a%61a%61"},
		{"abcdefgh", "efghijkl", "ghijklmn", "defghijklmnopqrst"},
	}
	for i := range 60 {
		values := sets[i%len(sets)]
		s := secret.NewScrubber(secretsOf(values...))
		text := compose(random, values, 1+random.IntN(30)).text
		for range random.IntN(20) { // Overlaps and beginnings of secrets, at random.
			value := values[random.IntN(len(values))]
			at, from := random.IntN(len(text)+1), random.IntN(len(value))
			text = append(text[:at:at], append([]byte(value[from:]), text[at:]...)...)
		}
		want := bytes.Clone(text)
		s.Bytes(want)
		for _, most := range [][2]int{{1, 1}, {3, 5000}, {20, 20}, {5000, 3}, {len(text), 33000}} {
			source := cut(random, text, most[0])
			got, err := readAll(t, s.Reader(source), random, most[1])
			if !bytes.Equal(got, want) || !errors.Is(err, io.EOF) {
				t.Fatalf("secrets %q, chunks up to %d, buffers up to %d: %q became\n%q, %v; want\n%q", values, most[0], most[1], text, got, err, want)
			}
		}
	}
}

func TestAnEventIsPassedOnAtOnceUnlessItEndsInABeginningOfASecret(t *testing.T) {
	s := secret.NewScrubber(secretsOf("sk_live_0123456789", "pass word/"))
	for _, c := range []struct{ chunk, passed string }{
		{"data: {\"a\":1}\n\n", "data: {\"a\":1}\n\n"},
		{"data: sk_live_0123456789\n\n", "data: ******************\n\n"},
		{"data: sk_live_0123456789", "data: ******************"},
		{"data: sk_live", "data: "},
		{"data: sk_live_0123456789 s", "data: ****************** "},
		{"data: sk_livf", "data: sk_livf"},
		{"data: k_live", "data: k_live"},
		{"data: %73k_", "data: "},
		{"data: %73%6", "data: "},
		{"data: %73%8", "data: %73%8"},
		{"data: %7", "data: "},
		{"data: %8", "data: %8"},
		{"data: pass+wor", "data: "},
		{"data: pass\\u0020wo", "data: "},
		{"data: c2tfbGl2", "data: "},
		{"data: c2tfbGl2 ", "data: c2tfbGl2 "},
		{"data: \\", "data: "},
	} {
		buf := make([]byte, 32<<10)
		n, err := s.Reader(chunked(c.chunk, "never asked for")).Read(buf)
		if got := string(buf[:n]); got != c.passed || err != nil {
			t.Errorf("after the chunk %q, %q is passed on (%v), want %q", c.chunk, got, err, c.passed)
		}
	}
}

func TestAReaderReturnsTheSourcesErrorAfterEverythingItHeld(t *testing.T) {
	s := secret.NewScrubber(secretsOf("sk_live_0123456789"))
	broken := errors.New("connection reset")
	for _, want := range []error{io.EOF, io.ErrUnexpectedEOF, broken} {
		source := chunked("a sk_live_", "0123456789 b sk_li")
		source.err = want
		got, err := readAll(t, s.Reader(source), rand.New(rand.NewPCG(5, 6)), 8)
		if string(got) != "a ****************** b sk_li" || !errors.Is(err, want) {
			t.Errorf("read %q and %v, want everything and %v", got, err, want)
		}
	}
	r := s.Reader(io.NopCloser(iotest.DataErrReader(strings.NewReader("b sk_li"))))
	if got, err := io.ReadAll(r); string(got) != "b sk_li" || err != nil {
		t.Errorf("with data and EOF in one read: %q, %v", got, err)
	}
}

func TestCloseClosesTheSource(t *testing.T) {
	source := chunked("text")
	r := secret.NewScrubber(secretsOf(token)).Reader(source)
	if err := r.Close(); source.closed != 1 || err == nil || err.Error() != "closing" {
		t.Errorf("Close = %v and closed the source %d times, want its error and once", err, source.closed)
	}
}

func TestAReadOfNothingGivesNothing(t *testing.T) {
	r := secret.NewScrubber(secretsOf(token)).Reader(io.NopCloser(iotest.ErrReader(nil)))
	for _, size := range []int{0, 1, 32 << 10} {
		if n, err := r.Read(make([]byte, size)); n != 0 || err != nil {
			t.Errorf("Read into %d bytes from a source with nothing yet = %d, %v; want 0 and no error", size, n, err)
		}
	}
}

// TestWhatIsHeldBackIsBounded sends the longest form of a large secret, all of it but for the end.
func TestWhatIsHeldBackIsBounded(t *testing.T) {
	value := long(64<<10, "0123456789abcdefghijklmnopqrstuvwxyz")
	s := secret.NewScrubber(secretsOf(value))
	text := everyByte(`\u%04x`)(value)
	text = text[:len(text)-1]
	r := s.Reader(cut(rand.New(rand.NewPCG(7, 8)), []byte(text), 1000))
	passed, buf := 0, make([]byte, 32<<10)
	for passed < len(text)-3<<10 {
		n, err := r.Read(buf)
		passed += n
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", passed, len(text), err)
		}
	}
	if rest, err := io.ReadAll(r); passed+len(rest) != len(text) || err != nil {
		t.Errorf("%d bytes came out (%v), want %d", passed+len(rest), err, len(text))
	}
}

func FuzzReader(f *testing.F) {
	f.Add("sk_live_0123456789", "tok tok tok", []byte("a sk_live_0123456789 %73k_live_0123456789 c2tfbGl2ZV8wMTIzNDU2Nzg5"), uint64(1))
	f.Add(`a\"a\"a\"a\"`, "a%61a%61a%61", []byte(`a\"a\"a\"a\"\"a\"a%61a%61a%61a%61`), uint64(2))
	f.Add("aaaaaaaa", "ääääää", []byte(`aaaaaaaaaaaaa\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4`), uint64(3))
	f.Add("\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "😀😀😀", []byte("//79/Pv6+fg= \\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00"), uint64(4))
	f.Fuzz(func(t *testing.T, a, b string, text []byte, seed uint64) {
		s := secret.NewScrubber(secretsOf(a, b))
		want := bytes.Clone(text)
		s.Bytes(want)
		for i := range want {
			if want[i] != text[i] && want[i] != '*' {
				t.Fatalf("byte %d of %q became %q", i, text, want[i])
			}
		}
		for _, value := range []string{a, b} {
			if len(value) >= 8 && len(value) <= 1<<10 && bytes.Contains(text, []byte(value)) {
				at := bytes.Index(text, []byte(value))
				if !bytes.Equal(want[at:at+len(value)], bytes.Repeat([]byte("*"), len(value))) {
					t.Fatalf("%q is left in %q", value, want)
				}
			}
		}
		random := rand.New(rand.NewPCG(seed, seed))
		most := 1 + random.IntN(64)
		got, err := readAll(t, s.Reader(cut(random, text, most)), random, 1+random.IntN(4000))
		if !bytes.Equal(got, want) || !errors.Is(err, io.EOF) {
			t.Fatalf("secrets %q, chunks up to %d: %q became\n%q, %v; want\n%q", []string{a, b}, most, text, got, err, want)
		}
	})
}
