package telemetry

import (
	"bytes"
	"io"
	"log"
	"sync"
	"time"
)

// unsolicited begins the line that net/http logs when a third party sends bytes
// that belong to no answer. It quotes them, and they may echo a credential.
const unsolicited = "Unsolicited response received on idle HTTP channel"

// unsolicitedEvery bounds how often the fact is logged: a third party could
// write lines at will.
const unsolicitedEvery = time.Minute

// netLog is an output of the standard library's logger that keeps what third
// parties send out of it. net/http has no other switch for it. It is safe for
// concurrent use.
type netLog struct {
	next io.Writer
	mu   sync.Mutex
	told time.Time
}

// GuardLog puts a netLog before the output of the standard library's logger,
// unless it is there already. Caddy sets that output with each configuration, so
// each calls this when it starts.
func GuardLog() {
	if _, guarded := log.Writer().(*netLog); !guarded {
		log.SetOutput(&netLog{next: log.Writer()})
	}
}

// Write passes a line on, but for those that quote a third party.
func (n *netLog) Write(line []byte) (int, error) {
	if !bytes.Contains(line, []byte(unsolicited)) {
		return n.next.Write(line)
	}
	n.mu.Lock()
	now := time.Now()
	quiet := !n.told.IsZero() && now.Sub(n.told) < unsolicitedEvery
	if !quiet {
		n.told = now
	}
	n.mu.Unlock()
	if quiet {
		return len(line), nil
	}
	if _, err := io.WriteString(n.next, "a third party sent bytes that belong to no answer; they are not shown\n"); err != nil {
		return 0, err
	}
	return len(line), nil
}
