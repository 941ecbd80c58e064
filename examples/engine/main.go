package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
}

// run asks a store of its own for every order and writes what the bot says. At
// the word "close" the store closes for good.
func run(ctx context.Context, w io.Writer, words []string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	store := &http.Server{Handler: http.HandlerFunc(serveStore), ReadHeaderTimeout: time.Minute}
	defer store.Close()
	go func() { _ = store.Serve(listener) }() // It ends with Close.

	b, err := newBot("http://" + listener.Addr().String())
	if err != nil {
		return err
	}
	defer b.close()
	for _, word := range words {
		if word == "close" {
			if err := store.Close(); err != nil {
				return fmt.Errorf("closing the store: %w", err)
			}
			continue
		}
		said, err := b.answer(ctx, "acme", word)
		if err != nil {
			return err
		}
		fmt.Fprintln(w, said)
	}
	return nil
}

// serveStore is a store that knows order 1001, and breaks on 500.
func serveStore(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/orders/1001":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"order":{"status":"shipped","delivery":{"eta":"2026-11-23"}}}`)
	case "/orders/500":
		http.Error(w, "out of order", http.StatusServiceUnavailable)
	default:
		http.NotFound(w, r)
	}
}
