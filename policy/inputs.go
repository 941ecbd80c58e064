package policy

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/signpost-gateway/signpost/policy/input"
	"github.com/signpost-gateway/signpost/policy/template"
)

// maxProblems bounds the variables that a refusal names.
const maxProblems = 32

// admitInputs reads the variables of a call, and makes of them the request that
// a named call sends.
func (c *call) admitInputs() *ending {
	if !c.named {
		return c.admitCaptured()
	}
	raw, refused := c.readInputs()
	if refused != nil {
		return refused
	}
	values, problems := c.op.sends.inputs.Read(raw, nil)
	c.inputs = values
	if len(problems) > 0 {
		return badInputs(problems)
	}
	filled, problems := c.op.sends.fill(c.op.path, values)
	if len(problems) > 0 {
		return badInputs(problems)
	}
	filled.method = c.op.method
	if key := c.req.Header[headerIdempotencyKey]; len(key) > 0 && filled.header[headerIdempotencyKey] == nil {
		filled.header[headerIdempotencyKey] = key // It allows a second attempt, so the third party has to see it.
	}
	c.asked = filled
	return nil
}

// admitCaptured judges the segments that an operation's path captured from a
// base-URL call by what its inputs say of them.
func (c *call) admitCaptured() *ending {
	if c.op.path == nil {
		return nil
	}
	var climbing []input.Problem
	for i, name := range c.op.captures {
		if err := template.CheckSegment(name, c.captured[i]); err != nil {
			climbing = append(climbing, input.Problem{Name: err.Name, Text: err.Msg})
		}
	}
	if len(climbing) > 0 {
		return badInputs(climbing)
	}
	if !c.op.sends.declared {
		return nil
	}
	values, problems := c.op.sends.inputs.ReadGiven(input.Texts(c.op.captures, c.captured), nil)
	c.inputs = values
	if len(problems) > 0 {
		return badInputs(problems)
	}
	return nil
}

// badInputs names all that is wrong with the variables. Their values are the
// bot's own, and are not repeated.
func badInputs(problems []input.Problem) *ending {
	texts, names := make([]string, 0, len(problems)), make([]string, 0, len(problems))
	for i, p := range problems {
		if i == maxProblems {
			more := fmt.Sprintf("and %d more", len(problems)-i)
			texts, names = append(texts, more), append(names, more)
			break
		}
		texts, names = append(texts, p.Name+" "+p.Text), append(names, p.Name)
	}
	reason := "The call's variables: " + strings.Join(texts, "; ") + "."
	if len(reason) > maxReason { // Every one is named, rather than the first few explained.
		reason = "The call's variables are missing or ill-formed: " + strings.Join(names, ", ") + "."
	}
	return &ending{outcome: BadRequest, reason: reason}
}

// readInputs reads what the bot sent: a body that is a JSON object or a form,
// else the query.
func (c *call) readInputs() (input.Raw, *ending) {
	var body []byte
	if c.req.Method != http.MethodGet && c.req.Body != nil && c.req.Body != http.NoBody {
		read, refused := c.readVariables()
		if refused != nil {
			return input.Raw{}, refused
		}
		body = read
		c.glimpse.body = read
	}
	if len(body) == 0 {
		if len(c.req.URL.RawQuery) > maxInputs {
			return input.Raw{}, tooLarge("query")
		}
		raw, err := input.ParseForm(c.req.URL.RawQuery)
		return raw, illFormed(err)
	}
	kind, _, _ := mime.ParseMediaType(c.req.Header.Get("Content-Type"))
	// curl labels whatever it sends as a form, unless told otherwise.
	looksJSON := strings.HasPrefix(strings.TrimLeft(string(body[:min(len(body), 64)]), " \t\r\n"), "{")
	if kind == "application/x-www-form-urlencoded" && !looksJSON {
		raw, err := input.ParseForm(string(body))
		return raw, illFormed(err)
	}
	raw, err := input.ParseJSON(body)
	return raw, illFormed(err)
}

// illFormed is the refusal of variables that cannot be read at all.
func illFormed(err error) *ending {
	if err == nil {
		return nil
	}
	return &ending{outcome: BadRequest, reason: fmt.Sprintf("The call's variables cannot be read: %v.", err)}
}

// tooLarge is the refusal of more than a named call takes.
func tooLarge(what string) *ending {
	return &ending{outcome: BadRequest, reason: fmt.Sprintf("The call's variables cannot be read: the %s is larger than %s.", what, Size(maxInputs))}
}

// readVariables reads the bot's whole body, within the deadline and a bound.
func (c *call) readVariables() ([]byte, *ending) {
	c.startClock()
	c.takeUpload(0)
	defer func() {
		c.upload.close()
		c.upload = nil // An attempt has a body of its own.
	}()
	body, err := io.ReadAll(io.LimitReader(c.upload.body(c.ctx.Done()), maxInputs+1))
	switch {
	case len(body) > maxInputs:
		return nil, tooLarge("body")
	case err == nil:
		return body, nil
	case errors.Is(err, errUploadOver) && c.halted() == haltDeadline:
		return nil, &ending{outcome: Timeout, proxyError: "http_request_error",
			reason: fmt.Sprintf("The call's variables did not come within %s.", c.deadline)}
	case errors.Is(err, errUploadOver):
		gone := c.vanished()
		return nil, &gone
	default:
		refused := uploadEnding(err)
		return nil, &refused
	}
}

// inputText gives a variable of the bot's for a fallback's body.
func (c *call) inputText(name string) (json []byte, text string, ok bool) {
	if c.inputs == nil {
		text, ok = c.env.Input[name].(string)
		return nil, text, ok
	}
	f := filling{names: c.op.sends.names, values: c.inputs}
	return f.lookup(template.Ref{Kind: template.Input, Name: name})
}
