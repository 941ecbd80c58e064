package redislink

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	nothing := filepath.Join(t.TempDir(), "nothing.pem")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]Options{
		"neither redis:// nor rediss://":        {},
		"options of their own":                  {Address: "redis://u:hunter2@h"},
		"no database but 0":                     {Address: "redis://a,b/1"},
		`the prefix "A" is not`:                 {Address: "redis://h", Prefix: "A"},
		"is not 1 to 32":                        {Address: "redis://h", Prefix: strings.Repeat("a", 33)},
		"the timeout 1µs is not from 1ms to 5s": {Address: "redis://h", Timeout: time.Microsecond},
		"the timeout 6s is not":                 {Address: "redis://h", Timeout: 6 * time.Second},
		"65 connections are not 1 to 64":        {Address: "redis://h", Connections: 65},
		"-1 connections":                        {Address: "redis://h", Connections: -1},
		"both or not at all":                    {Address: "rediss://h", Certificate: "x"},
		"only with rediss://":                   {Address: "redis://h", CA: "x"},
		"that redis is tested with: open ":      {Address: "rediss://h", CA: nothing},
		"holds none in PEM":                     {Address: "rediss://h", CA: empty},
		"that is shown to redis: open ":         {Address: "rediss://h", Certificate: nothing, Key: nothing},
	} {
		l, err := New(o)
		if err == nil || l != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%+v) = %v, %v, want an error with %q", o, l, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a password is in the error: %v", err)
		}
	}
}

func TestOptionsHaveDefaults(t *testing.T) {
	l, err := New(Options{Address: "redis://h"})
	if err != nil {
		t.Fatal(err)
	}
	if l.Timeout() != 30*time.Millisecond || l.Prefix() != "signpost" || l.Key("t:acme") != "{signpost}:t:acme" || l.o.Connections != 4 {
		t.Errorf("the defaults are %v, %q, %q, %d", l.Timeout(), l.Prefix(), l.Key("t:acme"), l.o.Connections)
	}
}

func TestALinkThatWasNeverStartedIsAwayAndCanBeClosed(t *testing.T) {
	l, err := New(Options{Address: "rediss://h/2"})
	if err != nil {
		t.Fatal(err)
	}
	if s := l.Status(); s.There || s.Reason != "not connected yet" || s.Address != "rediss://h/2" || s.Since.IsZero() {
		t.Errorf("status: %+v", s)
	}
	l.Close()
	l.Close()
	l.Later(echo, []string{"k"}, []string{"x"})
	if s := l.Status(); s.There || s.Dropped != 1 {
		t.Errorf("status after closing: %+v", s)
	}
}
