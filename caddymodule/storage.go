package caddymodule

import (
	"context"
	"fmt"
	"time"

	"github.com/caddyserver/certmagic"
)

const (
	// storagePatience bounds one access to the storage.
	storagePatience = 10 * time.Second

	// maxStoredFile bounds what is read into memory, in bytes. The engine takes
	// less.
	maxStoredFile = 8 << 20
)

// storage keeps what the engine wants to know after a restart in Caddy's storage,
// below signpost/structure/.
type storage struct {
	ctx context.Context
	certmagic.Storage
}

// key is where a name is kept. Names are those of policies and operations, which
// hold no slash.
func (storage) key(name string) string { return "signpost/structure/" + name + ".json" }

// Load reads what was saved, at most 8 MiB.
func (s storage) Load(name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(s.ctx, storagePatience)
	defer cancel()
	info, err := s.Stat(ctx, s.key(name))
	if err != nil {
		return nil, err
	}
	if info.Size > maxStoredFile {
		return nil, fmt.Errorf("%d bytes are stored: expected at most %d", info.Size, maxStoredFile)
	}
	return s.Storage.Load(ctx, s.key(name))
}

// Save replaces it.
func (s storage) Save(name string, data []byte) error {
	// The configuration may be on its way out: what it learned is kept all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), storagePatience)
	defer cancel()
	return s.Store(ctx, s.key(name), data)
}
