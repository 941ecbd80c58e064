package explain

import (
	"fmt"

	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// happened tells what became of the call.
func happened(d *calllog.Detail) []Line {
	mark := Yes
	switch {
	case d.Failed:
		mark = Bad
	case d.Outcome != string(policy.Success):
		mark = No
	}
	lines := []Line{{mark, outcome(d)}}
	lines = append(lines, plain(told(d), took(d))...)
	if d.Broken != "" {
		lines = append(lines, Line{Bad, "While the answer was passed on, it was cut off: " + sentence(d.Broken)})
	}
	if d.RetryAfterMS > 0 {
		lines = append(lines, plain("It makes sense to try again in "+duration(d.RetryAfterMS)+".")...)
	}
	if !d.Failed && d.Outcome != string(policy.Success) {
		lines = append(lines, plain("It does not count as a failed call.")...)
	}
	return lines
}

// outcome tells the outcome in words, with its cause.
func outcome(d *calllog.Detail) string {
	answered := status(d.UpstreamStatus)
	if lead, known := leads[policy.Outcome(d.Outcome)]; known {
		return lead + ": " + cause(d)
	}
	switch policy.Outcome(d.Outcome) {
	case policy.Success:
		return fmt.Sprintf("It went well: the third party answered %s.", answered)
	case policy.ClientError:
		return fmt.Sprintf("The third party did not accept the call: it answered %s.", answered)
	case policy.ServerError:
		return fmt.Sprintf("The third party failed: it answered %s.", answered)
	case policy.Rejected:
		return fmt.Sprintf("The third party answered %s, but says in its answer that it did not succeed: %s is not true for it.", answered, quoted("success "+d.Success))
	case policy.Unmappable:
		return fmt.Sprintf("The third party answered %s, but nothing can be read of its answer: %s", answered, sentence(d.Reason))
	default:
		return "It came to " + d.Outcome + ": " + sentence(d.Reason)
	}
}

// leads begin the sentences about outcomes that the third party had no part in.
var leads = map[policy.Outcome]string{
	policy.RateLimited: "Signpost did not send the call, because there were too many before it",
	policy.Overloaded:  "Signpost did not send the call, because too many were under way at that moment",
	policy.CircuitOpen: "Signpost did not send the call, to spare a third party in trouble",
	policy.Timeout:     "There was no answer in time",
	policy.Unreachable: "There was no connection to the third party",
	policy.Incomplete:  "There was no whole answer",
	policy.Denied:      "Signpost did not allow the call",
	policy.BadRequest:  "The bot's request was not in order",
	policy.NotFound:    "The bot called something that does not exist",
	policy.Canceled:    "The bot did not wait for the answer",
	policy.Internal:    "Signpost itself failed, and its log says more",
}

// cause is the reason as a sentence, with what the network said. Of a limit, it names
// the one that refused.
func cause(d *calllog.Detail) string {
	if d.Limit != "" {
		return "the limit " + d.Limit + " was used up."
	}
	text := sentence(d.Reason)
	switch policy.Outcome(d.Outcome) {
	case policy.Timeout, policy.Unreachable, policy.Incomplete:
		if words := networkWords[d.ProxyError]; words != "" {
			text += " " + words
		}
	}
	return text
}

// networkWords say in words what the errors of RFC 9209 mean, where a reason is not
// as exact.
var networkWords = map[string]string{
	"dns_error":                    "The name service knows no such name.",
	"dns_timeout":                  "The name service did not answer.",
	"connection_refused":           "The address is right, but nothing listens there.",
	"connection_timeout":           "The address did not react.",
	"connection_terminated":        "The connection was closed from the other side.",
	"connection_read_timeout":      "The connection fell silent.",
	"destination_ip_unroutable":    "No network leads to the address.",
	"tls_certificate_error":        "The certificate is not valid for it, or has expired, or nobody here trusts who signed it.",
	"tls_protocol_error":           "What listens there does not speak TLS as it should.",
	"tls_alert_received":           "The third party broke off while the secure connection was made.",
	"http_response_timeout":        "The request had been sent, and the answer had not begun or was not whole.",
	"http_response_header_size":    "The header of the answer was too large.",
	"http_protocol_error":          "What came back is not HTTP.",
	"http_response_incomplete":     "The answer ended before its end.",
	"http_response_body_size":      "The body of the answer was too large.",
	"destination_unavailable":      "",
	"http_response_content_coding": "",
}

// sentence makes a sentence of a reason.
func sentence(reason string) string {
	if reason == "" {
		return "the reason is not known."
	}
	text := terminal.Cut(reason, 2*maxShown)
	switch text[len(text)-1] {
	case '.', '!', '?':
		return text
	}
	return text + "."
}

// told tells what the bot got.
func told(d *calllog.Detail) string {
	if policy.Outcome(d.Outcome) == policy.Canceled {
		return "Nobody was left to get an answer."
	}
	sent := d.Status
	if d.Response != nil && d.Response.Status != 0 {
		sent = d.Response.Status // An envelope is 200 whatever is in it.
	}
	switch {
	case sent != d.Status:
		return fmt.Sprintf("The bot got an envelope with status %s, which says that the call came to %s.", status(sent), status(d.Status))
	case d.Fallback != "":
		return fmt.Sprintf("The bot got %s from the fallback instead.", status(sent))
	case d.UpstreamStatus != 0:
		return "The bot got the third party's own answer."
	default:
		return fmt.Sprintf("The bot got %s with the reason.", status(sent))
	}
}

// took tells how long the call was.
func took(d *calllog.Detail) string {
	text := "It took " + duration(d.LatencyMS)
	if d.UpstreamMS > 0 {
		text += ", of which the third party had " + duration(d.UpstreamMS)
	}
	if d.DeadlineMS > 0 {
		text += "; at most " + duration(d.DeadlineMS) + " were allowed"
	}
	return text + "."
}

// attempts tells of each request that was sent, and why there was another.
func attempts(d *calllog.Detail) []Line {
	if len(d.Attempts) == 0 {
		return []Line{{Text: "None was sent."}}
	}
	var lines []Line
	if d.Sent != nil {
		lines = plain(request(d.Sent) + ".")
	}
	for i, a := range d.Attempts {
		lines = append(lines, attempt(i+1, &a))
		if i == len(d.Attempts)-1 {
			break
		}
		if a.Renewed {
			lines = append(lines, plain("Its token was refused, so a new one was asked for, and the request sent again with it.")...)
			continue
		}
		pause := max(d.Attempts[i+1].StartMS-a.StartMS-a.DurationMS, 0)
		lines = append(lines, plain(fmt.Sprintf("The policy says `retry` for that, so there was another attempt after a pause of %s.", duration(pause)))...)
	}
	return append(lines, faults(d, "retry", "so it was no reason for another attempt")...)
}

// attempt tells of one.
func attempt(number int, a *calllog.AttemptDetail) Line {
	came := status(a.Status)
	switch {
	case a.Status == 0 && a.ProxyError != "":
		came = "no answer (" + a.ProxyError + ")"
	case a.Status == 0:
		came = "no answer"
	}
	text := fmt.Sprintf("Attempt %d to %s, %s after the call came: %s within %s", number, a.Host, duration(a.StartMS), came, duration(a.DurationMS))
	switch policy.Outcome(a.Outcome) {
	case policy.Success:
		return Line{Yes, text + ", which is success."}
	case policy.ClientError, policy.Canceled:
		return Line{No, text + ", which is " + a.Outcome + "."}
	case "":
		return Line{Bad, text + ", and then a fault of Signpost's own."}
	default:
		return Line{Bad, text + ", which is " + a.Outcome + "."}
	}
}

// faults tells of conditions that could not be evaluated, and what follows.
func faults(d *calllog.Detail, where, follows string) []Line {
	var lines []Line
	for _, f := range d.Faults {
		if f.Where == where {
			lines = append(lines, Line{Bad, fmt.Sprintf("%s could not be evaluated, %s: %s", quoted(where+" "+f.Condition), follows, sentence(f.Error))})
		}
	}
	return lines
}
