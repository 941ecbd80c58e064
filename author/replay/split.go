package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// kind is what an entry is.
type kind int

const (
	kindDetail kind = iota // a call of the call log
	kindEntry              // an entry of a HAR file
)

// document is one recorded call as it stands in a file.
type document struct {
	kind   kind
	number int // from 1
	line   int // on which it begins, from 1
	offset int64
	raw    []byte // nil where it is larger than MaxEntry
	size   int64
}

// splitter cuts a stream of JSON into recorded calls, without ever holding more
// than one. It understands calls one after the other, lists of them, an object
// whose member "calls" is such a list, and HAR files. It only follows brackets and
// strings: what is between them is judged by whoever reads the documents.
type splitter struct {
	in     io.Reader
	buf    []byte
	chunk  []byte // of buf: what was read and not consumed yet
	offset int64  // of chunk's first byte
	line   int    // of it, from 1
	number int    // of the last document
	emit   func(document) error
}

// noCall is said of what holds none.
const noCall = "there is no call in it: expected calls as GET /signpost/calls/export gives them, or a HAR file"

// readSize is how much is read at a time, in bytes.
const readSize = 256 << 10

// split calls emit for each recorded call, in order. The raw text is emit's. The
// error is a *SyntaxError where the text is at fault, else that of the reader or of
// emit.
func split(in io.Reader, emit func(document) error) error {
	s := &splitter{in: in, buf: make([]byte, readSize), line: 1, emit: emit}
	if bom, err := s.starts("\xef\xbb\xbf"); err != nil {
		return err
	} else if bom {
		s.skip(3)
	}
	for {
		c, err := s.token()
		switch {
		case errors.Is(err, io.EOF) && s.number == 0:
			return s.wrong("%s", noCall)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case c == '[':
			err = s.list(kindDetail)
		case c == '{':
			err = s.object()
		default:
			err = s.wrong("expected an object or a list: calls as GET /signpost/calls/export gives them, or a HAR file")
		}
		if err != nil {
			return err
		}
	}
}

// fill reads on where everything is consumed. The error is io.EOF at the end.
func (s *splitter) fill() error {
	for tries := 0; len(s.chunk) == 0; tries++ {
		n, err := s.in.Read(s.buf)
		s.chunk = s.buf[:n]
		switch {
		case n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return io.EOF
		case err != nil:
			return fmt.Errorf("line %d, byte %d: %w", s.line, s.offset, err)
		case tries == 100:
			return io.ErrNoProgress
		}
	}
	return nil
}

// starts tells whether the first bytes are these.
func (s *splitter) starts(with string) (bool, error) {
	n, err := io.ReadFull(s.in, s.buf[:len(with)])
	s.chunk = s.buf[:n]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("byte %d: %w", n, err)
	}
	return string(s.chunk) == with, nil
}

// skip consumes n bytes of the chunk.
func (s *splitter) skip(n int) {
	s.line += bytes.Count(s.chunk[:n], newline)
	s.offset += int64(n)
	s.chunk = s.chunk[n:]
}

var newline = []byte{'\n'}

// token goes to the next byte that is no blank, and gives it.
func (s *splitter) token() (byte, error) {
	for {
		if err := s.fill(); err != nil {
			return 0, err
		}
		for i, c := range s.chunk {
			if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				s.skip(i)
				return c, nil
			}
		}
		s.skip(len(s.chunk))
	}
}

// inside is token within brackets, where the end of the file is a mistake.
func (s *splitter) inside() (byte, error) {
	c, err := s.token()
	if errors.Is(err, io.EOF) {
		return 0, s.torn()
	}
	return c, err
}

// torn is the error of a file that ends too early.
func (s *splitter) torn() error {
	return s.wrong("the file ends in the middle: it was cut off, so export it again")
}

// elements walks over the elements of a list, or the members of an object, up to
// its end.
func (s *splitter) elements(end byte, each func() error) error {
	s.skip(1)
	for first := true; ; first = false {
		c, err := s.inside()
		if err != nil {
			return err
		}
		if c == end {
			s.skip(1)
			return nil
		}
		if !first {
			if c != ',' {
				return s.wrong("found %q where a comma or %q is expected", c, end)
			}
			s.skip(1)
			if _, err = s.inside(); err != nil {
				return err
			}
		}
		if err = each(); err != nil {
			return err
		}
	}
}

// list emits each element of a list.
func (s *splitter) list(k kind) error {
	return s.elements(']', func() error { return s.element(k) })
}

// begin makes the next document, which begins here.
func (s *splitter) begin(k kind) document {
	s.number++
	return document{kind: k, number: s.number, line: s.line, offset: s.offset}
}

// maxName bounds the name of a member that is looked at, in bytes.
const maxName = 1 << 10

// member reads the name of a member and goes to its value.
func (s *splitter) member() (raw []byte, name string, err error) {
	if s.chunk[0] != '"' {
		return nil, "", s.wrong("found %q where the name of a member is expected", s.chunk[0])
	}
	raw, _, err = s.take(nil, maxName)
	if err != nil {
		return nil, "", err
	}
	c, err := s.inside()
	if err != nil {
		return nil, "", err
	}
	if c != ':' {
		return nil, "", s.wrong("found %q where a colon is expected", c)
	}
	s.skip(1)
	if _, err = s.inside(); err != nil {
		return nil, "", err
	}
	if json.Unmarshal(raw, &name) != nil {
		name = "" // Whoever reads the document will complain.
	}
	return raw, name, nil
}

// firstOfCall are the first members of calls as they are written, and as programs
// write them that sort members by name.
var firstOfCall = []string{`"id"`, `"call"`, `"attempts"`, `"answer"`}

// isCall tells an object by its first member that can only be a call, so that none of
// its members need be looked at.
func (s *splitter) isCall() bool {
	inside := bytes.TrimLeft(s.chunk[1:], " \t\r\n")
	return slices.ContainsFunc(firstOfCall, func(name string) bool { return bytes.HasPrefix(inside, []byte(name)) })
}

// element emits a value.
func (s *splitter) element(k kind) error {
	d := s.begin(k)
	raw, size, err := s.take(nil, MaxEntry)
	if err != nil {
		return err
	}
	d.raw, d.size = raw, size
	return s.emit(d)
}

// object reads what may be a call, or hold calls.
func (s *splitter) object() error {
	if s.isCall() {
		return s.element(kindDetail)
	}
	d := document{kind: kindDetail, line: s.line, offset: s.offset}
	raw, holds := []byte{'{'}, false
	err := s.elements('}', func() error {
		start := s.offset
		quoted, name, err := s.member()
		switch {
		case err != nil:
			return err
		case name == "log" && s.chunk[0] == '{':
			holds = true
			return s.log()
		case name == "calls" && s.chunk[0] == '[':
			holds = true
			return s.list(kindDetail)
		}
		if quoted == nil {
			quoted = []byte(`""`) // A name too long to be one of a call's.
		}
		if len(raw) > 1 {
			raw = append(raw, ',')
		}
		raw = append(append(raw, quoted...), ':')
		value, _, err := s.take(nil, max(MaxEntry-len(raw), 0))
		if value == nil {
			value = []byte("null")
			raw = append(raw, value...)
			d.size += s.offset - start
			return err
		}
		raw = append(raw, value...)
		return err
	})
	if err != nil || holds {
		return err
	}
	s.number++
	d.number, d.size = s.number, s.offset-d.offset
	if d.size <= MaxEntry {
		d.raw = append(raw, '}')
	}
	return s.emit(d)
}

// log reads the content of a HAR file.
func (s *splitter) log() error {
	return s.elements('}', func() error {
		_, name, err := s.member()
		if err != nil {
			return err
		}
		if name == "entries" && s.chunk[0] == '[' {
			return s.list(kindEntry)
		}
		_, _, err = s.take(nil, 0)
		return err
	})
}

// take consumes one value, and gives its text where it has at most bound bytes.
func (s *splitter) take(text []byte, bound int) (raw []byte, size int64, err error) {
	var at follower
	for {
		if err := s.fill(); errors.Is(err, io.EOF) {
			return nil, 0, s.torn()
		} else if err != nil {
			return nil, 0, err
		}
		n, done := at.follow(s.chunk)
		size += int64(n)
		if size <= int64(bound) {
			text = append(text, s.chunk[:n]...)
		} else {
			text = nil
		}
		s.skip(n)
		if !done {
			continue
		}
		if size == 0 {
			return nil, 0, s.wrong("found %q where a value is expected", s.chunk[0])
		}
		return text, size, nil
	}
}
