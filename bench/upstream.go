package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// addresses are where the upstream process listens.
type addresses struct {
	Store     string // host:port of the third party
	Collector string // host:port of the trace collector
}

// order is the third party's answer: 1 KiB of JSON.
var order = makeOrder(1 << 10)

// makeOrder fills the order's note until the document has that many bytes.
func makeOrder(size int) []byte {
	const head = `{"order":{"id":"10042","created":"2026-11-20T09:30:00Z","status":"shipped",` +
		`"customer":{"id":7781,"name":"Ada Byron","email":"ada@example.com","languages":["en","fr"]},` +
		`"items":[{"sku":"TEA-1","name":"Darjeeling","quantity":2,"price":7.95},{"sku":"CUP-4","name":"Cup, blue","quantity":4,"price":3.5},` +
		`{"sku":"POT-2","name":"Teapot","quantity":1,"price":24.0}],` +
		`"payment":{"method":"card","currency":"EUR","total":53.9,"captured":true},` +
		`"delivery":{"carrier":"post","eta":"2026-11-23","tracking":null,"address":{"street":"12 Rue des Martyrs","city":"Paris","zip":"75009"}},` +
		`"note":"`
	const tail = `"}}`
	document := append(make([]byte, 0, size), head...)
	for len(document) < size-len(tail) {
		document = append(document, "Leave it with the neighbours. "[len(document)%30])
	}
	return append(document, tail...)
}

// serveUpstream is the upstream process: it prints its addresses as one line of
// JSON and serves until standard input ends, which it does at the latest when
// the bench is gone.
func serveUpstream(stdin io.Reader, stdout io.Writer) error {
	store, err := serve(http.HandlerFunc(answerOrder))
	if err != nil {
		return err
	}
	collector, err := serve(http.HandlerFunc(swallow))
	if err != nil {
		return err
	}
	if err := json.NewEncoder(stdout).Encode(addresses{Store: store, Collector: collector}); err != nil {
		return fmt.Errorf("printing the addresses: %w", err)
	}
	_, err = io.Copy(io.Discard, stdin)
	return err
}

// serve begins to serve on a free port and gives its address. The process's end
// is the server's.
func serve(handler http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() {
		if err := server.Serve(listener); err != nil {
			fmt.Fprintln(os.Stderr, "bench upstream:", err)
			os.Exit(1)
		}
	}()
	return listener.Addr().String(), nil
}

// answerOrder is the third party.
func answerOrder(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(order))}
	_, _ = w.Write(order)
}

// swallow is a collector that takes every span.
func swallow(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// startUpstream starts the upstream process and gives its addresses.
func (f *fleet) startUpstream(ctx context.Context) (addresses, error) {
	var at addresses
	self, err := os.Executable()
	if err != nil {
		return at, fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "upstream")
	cmd.Stderr = os.Stderr
	read, write, err := os.Pipe()
	if err != nil {
		return at, fmt.Errorf("starting the upstream: %w", err)
	}
	defer read.Close()
	cmd.Stdout = write
	// The pipe is never written to: its end is the process's.
	if _, err := cmd.StdinPipe(); err != nil {
		return at, fmt.Errorf("starting the upstream: %w", err)
	}
	err = f.start(cmd)
	write.Close() // The process has its own.
	if err != nil {
		return at, fmt.Errorf("starting the upstream: %w", err)
	}
	if err := json.NewDecoder(read).Decode(&at); err != nil {
		return at, fmt.Errorf("reading the upstream's addresses: %w", err)
	}
	return at, nil
}
