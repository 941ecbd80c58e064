package caddymodule

import (
	"github.com/signpost-gateway/signpost/caddymodule/alert"
	"github.com/signpost-gateway/signpost/caddymodule/telemetry"
	"github.com/signpost-gateway/signpost/policy"
)

// recordUsage is the grammar of `record`.
const recordUsage = "record <n> [bodies <size>] [redact <jsonpath…>]"

// operatorWords are the subdirectives of a policy that are for those who operate
// it.
var operatorWords = words[policy.PolicySpec]{
	"record": {form{usage: recordUsage, min: 1, max: anyNumber}, readRecord},
	"alert": {
		form{usage: "alert <address…>", min: 1, max: anyNumber},
		func(_ scope, l *line, p *policy.PolicySpec) { p.Alert = l.texts(0) },
	},
}

// alertsWords are the subdirectives of `alerts`.
var alertsWords = words[alert.Config]{
	"smtp": {form{usage: smtpUsage, min: 1, max: 1, block: mustBlock}, readSMTP},
	"webhook": {
		form{usage: "webhook <url>", min: 1, max: 1, private: true},
		setText(func(c *alert.Config) *string { return &c.Webhook }),
	},
}

// smtpUsage is the grammar of `smtp`.
const smtpUsage = "smtp <host:port> { from <address>; username <name>; password <password> }"

// smtpWords are the subdirectives of `smtp`.
var smtpWords = words[alert.SMTP]{
	"from": {
		form{usage: "from <address>", min: 1, max: 1},
		setText(func(m *alert.SMTP) *string { return &m.From }),
	},
	"username": {
		form{usage: "username <name>", min: 1, max: 1, private: true},
		setText(func(m *alert.SMTP) *string { return &m.Username }),
	},
	"password": {
		form{usage: "password <password>", min: 1, max: 1, private: true},
		setText(func(m *alert.SMTP) *string { return &m.Password }),
	},
}

// readRecord reads what the call log keeps. Zero says something here: nothing is
// kept.
func readRecord(s scope, l *line, p *policy.PolicySpec) {
	r := &policy.RecordSpec{Calls: s.count(l, 0, 0), Place: l.place}
	p.Record = r
	for i := 1; i < len(l.args); i++ {
		switch what := l.args[i]; {
		case what.says("bodies") && r.Bodies == 0 && !r.NoBodies && i+1 < len(l.args):
			i++
			if r.NoBodies = l.arg(i) == "0"; !r.NoBodies {
				r.Bodies = s.size(l, i)
			}
		case what.says("redact") && i+1 < len(l.args):
			r.Redact = l.texts(i + 1)
			return
		default:
			s.wrong(l.place, "%q is not expected here: expected %s", what.text, recordUsage)
			return
		}
	}
}

func readAlerts(s scope, l *line, c *Config) {
	c.Alerts = &alert.Config{Places: policy.Places{"alerts": l.place}}
	readBlock(s, l.block, alertsWords, c.Alerts, c.Alerts.Places)
	if len(l.block) == 0 {
		s.wrong(l.place, "says nothing: expected smtp or webhook")
	}
}

func readSMTP(s scope, l *line, c *alert.Config) {
	c.SMTP = &alert.SMTP{Server: l.arg(0), Places: policy.Places{"smtp": l.place}}
	readBlock(s, l.block, smtpWords, c.SMTP, c.SMTP.Places)
}

// recipients are the addresses of each policy.
func (c *Config) recipients() map[string][]string {
	addresses := make(map[string][]string)
	for i := range c.Policies {
		if p := &c.Policies[i]; len(p.Alert) > 0 {
			addresses[p.Name] = p.Alert
		}
	}
	return addresses
}

// checkAlerts finds what is wrong with alerts and with the addresses of policies.
func (c *Config) checkAlerts() policy.Mistakes {
	places := make(map[string]policy.Place)
	for i := range c.Policies {
		places["policy "+c.Policies[i].Name+": alert"] = c.Policies[i].Places["alert"]
	}
	found := alert.Check(c.Alerts, c.recipients())
	for i := range found {
		if found[i].Place == (policy.Place{}) {
			found[i].Place = places[found[i].Name]
		}
	}
	return found
}

// readUI reads where traces are looked at. {trace_id} in it stands for the id; an
// address without it is that of Jaeger.
func readUI(s scope, l *line, t *telemetry.Trace) {
	if err := telemetry.CheckUI(l.arg(0)); err != nil {
		s.wrong(l.place, "%v", err)
		return
	}
	t.UI = l.arg(0)
}
