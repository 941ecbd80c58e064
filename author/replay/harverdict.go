package replay

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// takeVerdict reads the answer that a bot got of Signpost: the verdict, and what of
// the third party's answer is in it.
func (c *Call) takeVerdict(u *url.URL, g Given) Reason {
	h := g.Header
	v := &Verdict{
		Outcome: policy.Outcome(h.Get("Signpost-Outcome")), Route: h.Get("Signpost-Route"), Next: h.Get("Signpost-Next"),
		Status: g.Status, Fallback: h.Get("Signpost-Fallback"), InHeaders: true,
	}
	c.Was = v
	v.Vars, v.Omitted = varsIn(h)
	if !slices.Contains(policy.Outcomes(), v.Outcome) {
		return WhyShape
	}
	label, _, _ := strings.Cut(h.Get("Signpost-Policy"), ".")
	c.Policy = label
	here := *u
	here.Scheme, here.Host, here.User = "", "", nil
	c.address(&here)
	if c.Operation == "" && c.Path == u.EscapedPath() && c.Policy != "" {
		c.URL = u // Perhaps it went through the sidecar as a proxy.
	}
	if ms, found := upstreamTime(h); found {
		g.Duration = ms
	}
	return c.takePassed(g)
}

// takePassed tells what the third party did from what became of it.
func (c *Call) takePassed(g Given) Reason {
	v, proxy := c.Was, g.Header.Get("Proxy-Status")
	token, _, _ := strings.Cut(afterWord(proxy, "error="), ";")
	received, _ := strconv.Atoi(afterWord(proxy, "received-status="))
	e, enveloped := unwrap(&g)
	if enveloped {
		v.Status = e.Status
	}
	if v.Fallback == "stale" {
		stale := g
		stale.Header = g.Header.Clone()
		c.keepStale(stale)
	}
	took := g.Duration
	switch v.Outcome {
	case policy.Canceled:
		return WhyGone
	case policy.Internal:
		c.Suppose = v.Outcome
	case policy.RateLimited, policy.Overloaded, policy.CircuitOpen, policy.NotFound:
	case policy.BadRequest:
		if v.Status != http.StatusBadRequest && v.Fallback == "" {
			return WhyUpload
		}
	case policy.Denied:
		reason := g.Header.Get("Signpost-Reason")
		switch {
		case token == "destination_ip_prohibited":
			c.Given = []Given{{Outcome: policy.Denied, Duration: took}}
		case strings.HasPrefix(reason, reasonNoSecret), strings.HasPrefix(reason, reasonTenant):
			c.Suppose = v.Outcome
		}
	case policy.Timeout, policy.Unreachable, policy.Incomplete:
		c.Given = []Given{{Outcome: v.Outcome, Duration: took, Endless: v.Outcome == policy.Timeout}}
	default:
		c.Given = []Given{passedOn(g, e, enveloped, v, received)}
	}
	return ""
}

// passedOn is the third party's answer, as far as the bot got it.
func passedOn(g Given, e envelope, enveloped bool, v *Verdict, received int) Given {
	if v.Fallback != "" {
		return Given{Status: received, Duration: g.Duration, Cut: true, Size: -1}
	}
	if enveloped {
		g.Status, g.Body, g.Size = e.Status, e.Data, int64(len(e.Data))
		g.Header.Set("Content-Type", "application/json")
		if slices.Contains(e.Omitted, "data") {
			g.Body, g.Cut, g.Size = nil, true, -1
		}
	}
	for name := range g.Header {
		if isOurs(name) {
			delete(g.Header, name)
		}
	}
	return g
}

// varsIn are the variables of a header, undone of their escapes.
func varsIn(h http.Header) (vars map[string]string, omitted []string) {
	vars = make(map[string]string)
	for name, values := range h {
		if short, is := strings.CutPrefix(name, "Signpost-Var-"); is && len(values) > 0 {
			text, err := url.PathUnescape(values[0])
			if err != nil {
				text = values[0]
			}
			vars[strings.ReplaceAll(strings.ToLower(short), "-", "_")] = text
		}
	}
	for name := range strings.SplitSeq(h.Get("Signpost-Omitted"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			omitted = append(omitted, name)
		}
	}
	return vars, omitted
}

// upstreamTime is what Server-Timing says of the third party.
func upstreamTime(h http.Header) (time.Duration, bool) {
	for metric := range strings.SplitSeq(strings.Join(h["Server-Timing"], ","), ",") {
		if dur, is := strings.CutPrefix(strings.TrimSpace(metric), "upstream;dur="); is {
			ms, err := strconv.ParseFloat(dur, 64)
			return millis(ms), err == nil
		}
	}
	return 0, false
}

// afterWord gives what stands behind a word.
func afterWord(text, word string) string {
	_, after, _ := strings.Cut(text, word)
	return after
}
