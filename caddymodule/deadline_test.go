package caddymodule_test

import (
	"net/http"
	"testing"
	"time"
)

// deadlines is a configuration in which everything that may set one does.
func deadlines(url string) string {
	return `max_timeout 170ms
	plan default {
		rate_limit off
	}
	plan hasty {
		timeout 70ms
		tenants hasty
	}
	policy plain ` + url + ` {
		breaker off
	}
	policy store ` + url + ` {
		timeout 110ms
		breaker off
		operation slower GET /slower/hang {
			timeout 130ms
		}
		operation faster GET /faster/hang {
			timeout 90ms
		}
	}`
}

func TestTheDeadlineIsTheLeastOfAllThatSetOne(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, deadlines(url))
	for name, tc := range map[string]struct{ path, tenant, asked, want string }{
		"the ceiling":                          {"/plain/hang", "", "", "170ms"},
		"the policy's":                         {"/store/hang", "", "", "110ms"},
		"an operation's, longer":               {"/store/slower/hang", "", "", "130ms"},
		"an operation's, shorter":              {"/store/faster/hang", "", "", "90ms"},
		"the plan's where nothing else is":     {"/plain/hang", "hasty", "", "70ms"},
		"the plan's, shorter":                  {"/store/hang", "hasty", "", "70ms"},
		"the bot's, shorter":                   {"/store/hang", "", "50ms", "50ms"},
		"the bot's, shorter than the plan's":   {"/store/hang", "hasty", "50ms", "50ms"},
		"the bot's cannot lengthen":            {"/store/hang", "", "30s", "110ms"},
		"the bot's cannot lengthen the plan's": {"/plain/hang", "hasty", "30s", "70ms"},
	} {
		t.Run(name, func(t *testing.T) {
			var header []string
			for name, value := range map[string]string{"X-Tenant-ID": tc.tenant, "Signpost-Timeout": tc.asked} {
				if value != "" {
					header = append(header, name, value)
				}
			}
			began := time.Now()
			a := s.get(tc.path, header...)
			took := time.Since(began)
			a.want(t, 504, "Signpost-Outcome", "timeout", "Signpost-Reason", "The third party did not answer within "+tc.want+".")
			want, err := time.ParseDuration(tc.want)
			if err != nil {
				t.Fatal(err)
			}
			if took < want || took > want+2*time.Second {
				t.Errorf("the answer took %s, want a little more than %s", took, want)
			}
		})
	}
}

func TestWithoutATimeoutTheDeadlineIsFourSeconds(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, "policy store "+url)
	began := time.Now()
	s.get("/store/hang").want(t, 504, "Signpost-Reason", "The third party did not answer within 4s.")
	if took := time.Since(began); took < 4*time.Second || took > 6*time.Second {
		t.Errorf("the answer took %s, want about 4s", took)
	}
}

func TestATimeoutThatIsNoDurationIsABadRequest(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, unlimited+"policy store "+url)
	for _, value := range []string{"soon", "0s", "-1s", "3", "1e9h"} {
		s.get("/store/200", "Signpost-Timeout", value).want(t, 400, "Signpost-Outcome", "bad_request",
			"Signpost-Reason", "Signpost-Timeout is not a duration: expected such as 3s.")
	}
}

func TestTheDeadlineCoversBackOffAndFurtherAttempts(t *testing.T) {
	party, url := scriptedParty(t, says(503))
	s := start(t, unlimited+`policy store `+url+` {
		timeout 250ms
		breaker off
		retry 5 {
			on status == 503
			backoff 150ms 10s
		}
	}`)
	began := time.Now()
	// The deadline may also come while the last attempt is under way.
	if a := s.get("/store/x"); a.StatusCode != 503 && a.StatusCode != 504 {
		t.Errorf("status %d, want 503 or 504", a.StatusCode)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the answer took %s, want at most the deadline of 250ms and a little", took)
	}
	if n := len(party.sent()); n < 1 || n > 6 {
		t.Errorf("%d attempts, want 1 to 6", n)
	}
}

func TestTheDeadlineCoversTheReadingOfAnAnswerThatIsMapped(t *testing.T) {
	party := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(`{"status":`))
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	s := start(t, unlimited+`policy store `+party.URL+` {
		timeout 120ms
		extract status $.status
		fallback {
			respond 200 text/plain "too slow"
		}
	}`)
	began := time.Now()
	a := s.get("/store/x")
	a.want(t, 200, "Signpost-Outcome", "timeout", "Signpost-Fallback", "static",
		"Signpost-Reason", "The third party's answer was not complete within 120ms.")
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the fallback took %s, want it at the deadline of 120ms", took)
	}
}
