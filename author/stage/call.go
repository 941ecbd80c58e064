package stage

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// Call is a call to play: a named one, or a base-URL call where it has no
// operation.
type Call struct {
	Policy, Operation string

	// Tenant is on whose behalf it leaves. Empty: nobody's in particular.
	Tenant string

	// Input are the variables of a named call, a JSON object. Default: none.
	Input json.RawMessage

	// Method, Path, Query and Body are a base-URL call's: Path is escaped and below
	// the policy's base URL, Query without its question mark. Method is GET where it
	// is empty.
	Method, Path, Query string
	Body                []byte

	// Header is the bot's own, of both kinds of calls. Names are canonical.
	Header http.Header

	// Turns are what the third party does, one an attempt; the last one holds for
	// all further ones. Default: the zero Turn.
	Turns []Turn

	// Suppose decides the call without the third party: see policy.Call.
	Suppose policy.Outcome

	// Took is told of each branch that the call took: see policy.Call.
	Took func(policy.Branch)

	// KeptBodies is how much of each body Played.Entry holds: see policy.Call.
	KeptBodies int
}

// Played is what became of a call.
type Played struct {
	// Verdict is the engine's.
	Verdict policy.Verdict

	// Vars are the variables, defaults included, whole and as they are.
	Vars []calllog.Var

	// Status, Header and Body are what the bot gets, at most MaxAnswer bytes of the
	// body. In an envelope the status is always 200.
	Status int
	Header http.Header
	Body   []byte

	// Attempts is how many there were, and Sent the requests that went out: none
	// of an attempt that made no connection.
	Attempts int
	Sent     []Sent

	// Entry is the call as the call log keeps it, with the hints that were asked
	// and what they read.
	Entry *calllog.Entry
}

// MaxAnswer bounds how much is read of what the bot gets, in bytes.
const MaxAnswer = 16 << 20

// playing is the call that is under way.
type playing struct {
	turns    []Turn
	attempts int
	sent     []Sent
	vars     []calllog.Var
}

// turn is what the third party does with the next attempt.
func (p *playing) turn() Turn {
	p.attempts++
	if len(p.turns) == 0 {
		return Turn{}
	}
	return p.turns[min(p.attempts, len(p.turns))-1]
}

// Recognises gives the name of the operation that a base-URL call is one of, empty
// where none recognises it. Nothing is sent or counted.
func (s *Stage) Recognises(c Call) string {
	c.Suppose, c.Turns, c.Took = policy.NotFound, nil, nil
	if entry := s.Play(c).Entry; entry != nil {
		return entry.Operation
	}
	return ""
}

// Play makes the call and reads its answer to the end. What the third party takes
// its time for, and pauses between attempts, take time as the goroutine's clock has
// it: call Play inside of Run.
func (s *Stage) Play(c Call) Played {
	s.playing = &playing{turns: c.Turns}
	var entry *calllog.Entry
	info := policy.Call{
		Policy: c.Policy, Operation: c.Operation, Tenant: c.Tenant, Suppose: c.Suppose, Took: c.Took,
		KeptBodies: c.KeptBodies, Kept: func(e *calllog.Entry) { entry = e }, OneReader: true,
	}
	resp := s.gateway.Answer(c.request(&info), &info)
	played := Played{Status: resp.StatusCode, Header: resp.Header}
	// Where the body breaks off, the entry says why. It has to be seen that a body of
	// MaxAnswer bytes ends there.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	resp.Body.Close()
	played.Body = body[:min(len(body), MaxAnswer)]
	played.Verdict, played.Vars, played.Entry = info.Verdict(), s.playing.vars, entry
	played.Attempts, played.Sent = s.playing.attempts, s.playing.sent
	return played
}

// request is what the bot sends.
func (c *Call) request(info *policy.Call) *http.Request {
	header := c.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	req := &http.Request{
		Method: c.Method, URL: new(url.URL), Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}
	body := c.Body
	if c.Operation != "" {
		req.Method, req.URL.Path = http.MethodPost, "/call/"+c.Policy+"/"+c.Operation
		header["Content-Type"] = []string{"application/json"}
		if body = c.Input; len(body) == 0 {
			body = []byte("{}")
		}
	} else {
		if req.Method == "" {
			req.Method = http.MethodGet
		}
		info.Path = c.Path
		req.URL.RawPath = "/" + c.Policy + c.Path
		req.URL.RawQuery = c.Query
		if path, err := url.PathUnescape(req.URL.RawPath); err == nil {
			req.URL.Path = path
		} else {
			req.URL.Path = req.URL.RawPath // The engine refuses it.
		}
	}
	if len(body) > 0 {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return req
}
