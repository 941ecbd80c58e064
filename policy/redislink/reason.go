package redislink

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/redis/rueidis"
)

// maxReason bounds what is told of a failure, in bytes.
const maxReason = 200

// refusal is what Redis itself said against a script. A null answer is none.
func refusal(err error) (*rueidis.RedisError, bool) {
	e, ok := rueidis.IsRedisErr(err)
	return e, ok && !e.IsNil()
}

// placed is a failure and where it was met.
type placed struct {
	place string
	err   error
}

func (p *placed) Error() string { return p.place + ": " + p.err.Error() }
func (p *placed) Unwrap() error { return p.err }

// reason says a failure in a few words.
func reason(err error, patience time.Duration) string {
	var dns *net.DNSError
	var op *net.OpError
	if at := (*placed)(nil); errors.As(err, &at) {
		return at.place + ": " + reason(at.err, patience)
	}
	switch e, refused := refusal(err); {
	case refused:
		return "redis says: " + e.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		if patience > 0 {
			return "no answer within " + patience.String()
		}
		return "no answer"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed by redis"
	case errors.As(err, &dns):
		return dns.Error()
	case errors.As(err, &op):
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// masked is text for people, without secrets, control characters or more than 200
// bytes.
func masked(text string, secrets []string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}
