package fault_test

import (
	"net"
	"net/http/httptrace"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy/fault"
)

func TestAConnectionForAResendThatWasStoppedIsClosed(t *testing.T) {
	told := 0
	trail := &fault.Trail{Resend: func() { told++ }}
	hooks := httptrace.ContextClientTrace(trail.Trace(t.Context()))
	for round, closed := range []bool{false, true} {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		hooks.GetConn("third.example:80")
		hooks.GotConn(httptrace.GotConnInfo{Conn: ours})
		if err := ours.SetDeadline(time.Time{}); (err != nil) != closed {
			t.Errorf("round %d: the connection says %v, want it closed: %v", round, err, closed)
		}
		hooks.WroteRequest(httptrace.WroteRequestInfo{})
	}
	if told != 1 {
		t.Errorf("the caller was told %d times, want once", told)
	}
}
