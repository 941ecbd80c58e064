package replay

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
)

// Input is recorded calls: what the call log exports, one or more of its entries, or
// a HAR file, each of them also compressed with gzip.
type Input struct {
	// Name is the file's, for messages.
	Name string

	// From is what is read, once, on another goroutine.
	From io.Reader
}

// MaxInput bounds one input, in bytes after decompression. It only keeps a few bytes
// of gzip from going on for years.
const MaxInput = 64 << 30

// Bounds of what is read ahead, in bytes.
const (
	// batchSize is how much one goroutine parses at a time.
	batchSize = 128 << 10
	// aheadUnit is what the bytes that are read ahead are counted in, and maxAhead
	// how many units there may be; one call may be larger than all of it.
	aheadUnit = 1 << 20
	maxAhead  = 8
	// maxParsers bounds the goroutines that parse.
	maxParsers = 4
)

// reading is an input on its way from bytes to calls. One goroutine cuts it, some
// parse, and whoever replays takes the calls in the order of the file.
type reading struct {
	input        Input
	tenantHeader string

	tickets chan chan []Call // in the order of the file
	work    chan batch
	ahead   chan struct{} // a unit of what is read ahead each
	stop    chan struct{} // closed when nobody wants more
	err     error         // why reading ended too early; there once tickets is closed
}

// batch is a piece of an input.
type batch struct {
	documents []document
	size      int
	done      chan []Call
}

// errStopped ends the cutting when nobody wants more.
var errStopped = errors.New("nobody wants more")

// read begins to read an input. Either each is called to its end, or it stops the
// reading.
func read(in Input, tenantHeader string) *reading {
	r := &reading{
		input: in, tenantHeader: tenantHeader,
		tickets: make(chan chan []Call, 64), work: make(chan batch, 64), ahead: make(chan struct{}, maxAhead), stop: make(chan struct{}),
	}
	for range min(maxParsers, runtime.GOMAXPROCS(0)) {
		go r.parse()
	}
	go r.cut()
	return r
}

// each gives the calls in the order of the file, until yield wants no more.
func (r *reading) each(yield func(Call) bool) error {
	defer close(r.stop)
	for ticket := range r.tickets {
		for _, c := range <-ticket {
			if !yield(c) {
				return nil
			}
		}
	}
	if r.err != nil {
		return fmt.Errorf("reading %s: %w", r.input.Name, r.err)
	}
	return nil
}

// cut cuts the input into batches.
func (r *reading) cut() {
	defer close(r.work)
	defer close(r.tickets)
	var b batch
	plain, err := unpacked(r.input.From)
	if err == nil {
		err = split(plain, func(d document) error {
			b.documents = append(b.documents, d)
			if b.size += len(d.raw); b.size < batchSize {
				return nil
			}
			full := b
			b = batch{}
			return r.send(full)
		})
	}
	if len(b.documents) > 0 {
		if stopped := r.send(b); stopped != nil {
			err = stopped
		}
	}
	r.err = err
}

// send gives a batch to those who parse, once there is room for it.
func (r *reading) send(b batch) error {
	for range b.units() {
		select {
		case r.ahead <- struct{}{}:
		case <-r.stop:
			return errStopped
		}
	}
	b.done = make(chan []Call, 1)
	select {
	case r.tickets <- b.done:
	case <-r.stop:
		return errStopped
	}
	r.work <- b // There is room: it is as long as tickets.
	return nil
}

// units is how much of what may be read ahead the batch takes.
func (b *batch) units() int { return min(b.size/aheadUnit+1, maxAhead) }

// parse makes calls of batches.
func (r *reading) parse() {
	for b := range r.work {
		calls := make([]Call, 0, len(b.documents))
		for i := range b.documents {
			calls = append(calls, r.call(&b.documents[i]))
			b.documents[i].raw = nil
		}
		b.done <- calls
		for range b.units() {
			<-r.ahead
		}
	}
}

// call makes a call of a document. One that cannot be read says why.
func (r *reading) call(d *document) Call {
	var c Call
	var err error
	switch {
	case d.raw == nil:
		c.Why = WhyLarge
	case d.kind == kindEntry:
		c, err = readEntry(d.raw, d.number, r.tenantHeader)
	default:
		c, err = readDetail(d.raw)
	}
	if err != nil {
		c = Call{Why: WhyBroken, broken: d.syntaxOf(err)}
	}
	if c.ID == "" {
		c.ID = fmt.Sprintf("entry %d", d.number)
	}
	c.From = Place{File: r.input.Name, Number: d.number, Line: d.line, Offset: d.offset}
	c.weight = len(d.raw)
	return c
}

// unpacked undoes the compression of an input, if it has any, and bounds it.
func unpacked(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(in, readSize)
	magic, err := buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	plain := io.Reader(buffered)
	if string(magic) == "\x1f\x8b" {
		if plain, err = gzip.NewReader(buffered); err != nil {
			return nil, fmt.Errorf("decompressing: %w", err)
		}
	}
	return &bounded{in: plain, left: MaxInput}, nil
}

// bounded reads no more than so many bytes.
type bounded struct {
	in   io.Reader
	left int64
}

// Read reads on.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("it is larger than 64GiB: split it")
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
