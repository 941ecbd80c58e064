package policytest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

// maxAttached bounds the files that one file of tests names, all together, in
// bytes. Each counts once, however often it is named.
const maxAttached = 256 << 20

// attachments are the files that a file of tests names, each read once.
type attachments struct {
	folder string
	total  int
	bodies map[string][]byte
	calls  map[string]recordedAnswer
}

// newAttachments are those of the file of tests at path.
func newAttachments(path string) *attachments {
	return &attachments{
		folder: filepath.Dir(path),
		bodies: make(map[string][]byte), calls: make(map[string]recordedAnswer),
	}
}

// path is where a file is that a test names.
func (a *attachments) path(name string) string {
	if name = filepath.FromSlash(name); filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.folder, name)
}

// there tells why a file is not there, nil where it is.
func (a *attachments) there(name string) error {
	_, err := os.Stat(a.path(name))
	if err != nil {
		return bare(err)
	}
	return nil
}

// read gives the bytes of a file.
func (a *attachments) read(name string) ([]byte, error) {
	if data, ok := a.bodies[name]; ok {
		return data, nil
	}
	data, err := readRegular(a.path(name), MaxFile)
	if err != nil {
		return nil, err
	}
	if a.total += len(data); a.total > maxAttached {
		return nil, fmt.Errorf("the files that the tests name have more than %d bytes in all", maxAttached)
	}
	a.bodies[name] = data
	return data, nil
}

// recordedAnswer is what the third party answered in a recorded call.
type recordedAnswer struct {
	status  int
	headers map[string]string
	body    []byte
}

// recordedCall is what is read of a recorded call: of the call log, or as it stands
// in what a test call gives.
type recordedCall struct {
	ID       string                `json:"id"`
	Outcome  string                `json:"outcome"`
	Received *calllog.AnswerDetail `json:"received"`
}

// call gives the third party's answer in a recorded call. The headers are the
// caller's own, the body is shared.
func (a *attachments) call(name string) (recordedAnswer, error) {
	answer, ok := a.calls[name]
	if !ok {
		data, err := a.read(name)
		if err != nil {
			return answer, fmt.Errorf("%w; expected the path of a recorded call, relative to this file", err)
		}
		if answer, err = answerOf(data); err != nil {
			return answer, err
		}
		a.calls[name] = answer
	}
	answer.headers = maps.Clone(answer.headers)
	return answer, nil
}

// answerOf reads the answer of a recorded call.
func answerOf(data []byte) (recordedAnswer, error) {
	var saved struct {
		Call *recordedCall `json:"call"`
		recordedCall
	}
	if err := json.Unmarshal(data, &saved); err != nil {
		return recordedAnswer{}, fmt.Errorf("reading the recorded call: %w", err)
	}
	call := saved.recordedCall
	if saved.Call != nil {
		call = *saved.Call
	}
	switch received := call.Received; {
	case call.ID == "" || call.Outcome == "":
		return recordedAnswer{}, errors.New("this is no recorded call: expected what the admin API gives of a call, or `caddy signpost call --json` prints")
	case received == nil:
		return recordedAnswer{}, fmt.Errorf("the recorded call has no answer of the third party: write outcome: %s instead", call.Outcome)
	case received.BodyCut:
		return recordedAnswer{}, fmt.Errorf("the recorded call holds only the beginning of a body of %d bytes: record the call again with `caddy signpost call --json`, or with larger bodies in the policy's record", received.BodyBytes)
	case received.BodyNote != "":
		return recordedAnswer{}, fmt.Errorf("the recorded call holds no body: %s", received.BodyNote)
	case received.Status < 200 || received.Status > 599:
		return recordedAnswer{}, fmt.Errorf("the recorded call has the status %d: expected 200 to 599", received.Status)
	}
	return unpack(call.Received)
}

// unpack gives a recorded answer as it can be given again.
func unpack(received *calllog.AnswerDetail) (recordedAnswer, error) {
	answer := recordedAnswer{status: received.Status, body: []byte(received.Body)}
	if received.BodyEncoding == "base64" {
		body, err := base64.StdEncoding.DecodeString(received.Body)
		if err != nil {
			return answer, fmt.Errorf("reading the body of the recorded call: %w", err)
		}
		answer.body = body
	}
	const gzipMagic = "\x1f\x8b"
	answer.headers = make(map[string]string, len(received.Headers))
	for _, field := range received.Headers {
		name, value := field[0], field[1]
		switch name {
		case "Content-Length", "Transfer-Encoding", "Connection":
			continue // They are the connection's, and what was redacted has another length.
		case "Content-Encoding":
			if !strings.HasPrefix(string(answer.body[:min(2, len(answer.body))]), gzipMagic) {
				continue // The call log has the body as it was read, without its coding.
			}
		}
		if before, twice := answer.headers[name]; twice {
			value = before + ", " + value
		}
		answer.headers[name] = value
	}
	return answer, nil
}
