package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// startLogged runs a policy "store" of these lines, with the console beside it.
func startLogged(t *testing.T, upstream, lines string) (*sidecar, *operator) {
	t.Helper()
	s := startSite(t, storeOf(upstream, lines), consoleSite)
	return s, &operator{t: t, http: s.bot, base: "http://localhost/console/"}
}

const consoleSite = "signpost_console /console/*\nsignpost"

// storeOf is a signpost block with one policy.
func storeOf(upstream, lines string) string {
	return unlimited + "secrets env SIGNPOST_SECRET_\npolicy store " + upstream + " {\n" + lines + "\n}"
}

// kept are the ids of the calls in the log, the newest first.
func (o *operator) kept(query string) []string {
	o.t.Helper()
	var list struct{ Calls []struct{ ID string } }
	o.get("signpost/calls?"+query, &list)
	ids := []string{}
	for _, c := range list.Calls {
		ids = append(ids, c.ID)
	}
	return ids
}

func TestACallIsKeptAsItWasOnTheWireButForWhatNobodyIsToSee(t *testing.T) {
	t.Setenv("SIGNPOST_SECRET_KEY", "hush-hush-4711")
	upstream := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Set-Cookie", "sid=hush-cookie")
		w.Header().Set("X-Echo", r.Header.Get("X-Key"))
		fmt.Fprintf(w, `{"you":%s,"key":%q,"status":"paid"}`, body, r.Header.Get("X-Key"))
	})
	s, o := startLogged(t, upstream.URL, "inject header X-Key {secret.key}\nrecord 5 bodies 64KiB redact $..card\nextract status $.status\nhint paid `vars.status == \"paid\" and request.method == \"POST\"`\n"+
		"operation buy POST `/buy/{{what}}` {\ntitle Buy\n}")
	a := s.send("POST", "/store/buy/4111-1111?lang=de&token=hush-token", `{"card":"4111-1111","n":7}`, "X-Tenant-ID", "acme", "Authorization", "Bearer hush-bearer", "Cookie", "c=hush-c", "Content-Type", "application/json")
	a.want(t, 200, "Signpost-Route", "paid")
	var text string
	shortly(t, func() bool { // What is redacted is looked for when the bot has its answer.
		text = o.ask("GET", "signpost/calls/"+a.Header.Get("Signpost-Trace"), "").text
		return strings.Contains(text, `"method"`)
	}, func() string { return "the call is not in the log: " + text })
	for _, want := range []string{
		`"method":"POST"`, `"url":"/store/buy/*********?lang=de\u0026token=[redacted]"`, `"tenant":"acme"`, `"operation":"buy"`, `"route":"paid"`, `"route_by":"hint"`,
		`["Authorization","[redacted]"]`, `["Cookie","[redacted]"]`, `["Set-Cookie","[redacted]"]`, `["X-Key","[redacted]"]`, `["X-Echo","**************"]`,
		`{\"card\":\"[redacted]\",\"n\":7}`, `"breaker":"closed"`, `"value":"paid"`,
	} {
		if !strings.Contains(text, want) && !strings.Contains(text, strings.ReplaceAll(want, `\u0026`, "&")) {
			t.Errorf("%s is not shown in %s", want, text)
		}
	}
	for _, private := range []string{"hush", "4111"} {
		if strings.Contains(text, private) {
			t.Errorf("%s is shown in %s", private, text)
		}
	}
	if !strings.Contains(a.body, "4111-1111") || strings.Contains(a.body, "hush-hush") {
		t.Errorf("the bot got %s", a.body)
	}
}

func TestTheCallLogGoesThroughReloads(t *testing.T) {
	upstream := saying(t, "application/json", `{"card":"4111"}`)
	s, o := startLogged(t, upstream, "record 6")
	for range 8 {
		s.get("/store/x").want(t, 200)
	}
	s.get("/nobody/x").want(t, 404)
	before := o.kept("policy=store")
	if len(before) != 6 || len(o.kept("policy=_none")) != 1 {
		t.Fatalf("%d calls are kept, want 6, and %d of no policy, want 1", len(before), len(o.kept("policy=_none")))
	}
	if err := s.load(storeOf(upstream, "record 3 redact $[card"), consoleSite); err == nil {
		t.Fatal("a path with a mistake was taken")
	}
	if got := o.kept("policy=store"); fmt.Sprint(got) != fmt.Sprint(before) {
		t.Errorf("after a reload that was rejected %v are kept, want %v", got, before)
	}
	for _, reload := range []struct {
		lines string
		want  int
	}{{"record 4", 4}, {"record 10", 4}, {"record 10 redact $.card", 0}} {
		if err := s.load(storeOf(upstream, reload.lines), consoleSite); err != nil {
			t.Fatal(err)
		}
		if got, want := o.kept("policy=store"), before[:reload.want]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("after %q %v are kept, want %v", reload.lines, got, want)
		}
	}
	s.get("/store/x").want(t, 200)
	if err := s.load(unlimited+"policy other "+upstream, consoleSite); err != nil {
		t.Fatal(err)
	}
	if got := o.kept(""); len(got) != 1 { // The one that no policy answered.
		t.Errorf("after the policy is gone, %v are kept", got)
	}
}

func TestAStreamIsKeptWithoutHoldingItsFirstBytesBack(t *testing.T) {
	for _, record := range []string{"record 0", "record 1000 bodies 64KiB", "record 1000 bodies 64KiB redact $..card"} {
		t.Run(record, func(t *testing.T) {
			seen := make(chan struct{})
			upstream := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, "data: one\n\n")
				_ = http.NewResponseController(w).Flush()
				select {
				case <-seen: // The rest comes when the bot has the first bytes.
				case <-r.Context().Done():
					return
				}
				_, _ = io.WriteString(w, "data: two\n\n")
			})
			s, o := startLogged(t, upstream.URL, record)
			req, err := http.NewRequestWithContext(t.Context(), "GET", "http://sidecar/store/events", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := s.bot.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			first := make([]byte, len("data: one\n\n"))
			if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "data: one\n\n" {
				t.Fatalf("the first bytes are %q: %v", first, err)
			}
			close(seen)
			if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "data: two\n\n" {
				t.Fatalf("the rest is %q: %v", rest, err)
			}
			want := 1
			if record == "record 0" {
				want = 0
			}
			shortly(t, func() bool { return len(o.kept("policy=store")) == want }, func() string { return "the call is not kept" })
		})
	}
}
