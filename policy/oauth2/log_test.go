package oauth2_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"log/slog"
)

// discard gives a logger for what a server has to say about clients that do not
// trust it.
func discard() *log.Logger { return log.New(io.Discard, "", 0) }

// logged gives what a value looks like in a log and in JSON.
func logged(v any) string {
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "value", v)
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return b.String() + string(text)
}
