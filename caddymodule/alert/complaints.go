package alert

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// complaintsEvery is how often at most a warning is logged.
const complaintsEvery = time.Minute

// complaints is a log with a bound. It is safe for concurrent use.
type complaints struct {
	log     *slog.Logger
	mu      sync.Mutex
	last    time.Time
	leftOut int
}

// warn logs a warning, at most one in complaintsEvery. The next one says how
// many were left out.
func (c *complaints) warn(text string, attrs ...slog.Attr) {
	now := time.Now()
	c.mu.Lock()
	if !c.last.IsZero() && now.Sub(c.last) < complaintsEvery {
		c.leftOut++
		c.mu.Unlock()
		return
	}
	leftOut := c.leftOut
	c.last, c.leftOut = now, 0
	c.mu.Unlock()
	if leftOut > 0 {
		attrs = append(attrs, slog.Int("left_out", leftOut))
	}
	c.log.LogAttrs(context.Background(), slog.LevelWarn, text, attrs...)
}
