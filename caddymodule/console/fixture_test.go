package console

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// obj and list are JSON as it is written down in tests.
type (
	obj  = map[string]any
	list = []any
)

// flavour is what a fixture has to show.
type flavour string

const (
	realistic flavour = "realistic" // a morning in a shop
	empty     flavour = "empty"     // a gateway that has only just started
	hostile   flavour = "hostile"   // the same morning, with text made to deceive
)

// hostileText is put before every text that a stranger can choose. The page
// must show it as text, and every character of it.
const hostileText = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>` +
	"\u202egnp.exe\u2066\u200b\x00\x1b[31m\x7f\ufeff{{constructor.constructor('alert(1)')()}}"

// ownWords are the members whose values the gateway alone chooses, or that
// name a thing in an address.
var ownWords = []string{
	"id", "time", "started", "now", "start", "since", "probe_at", "held_until", "held", "state", "kind", "outcome", "route_by",
	"body_encoding", "version", "learned", "drifting_since", "last_seen", "last_told", "next", "breaker", "type", "trace_id", "status", "limits",
	"fail", "mode", "decided",
}

// fixture is an operator API that serves what it is told to, for the tests of
// the page. It is safe for concurrent use.
type fixture struct {
	flavour      flavour
	allowChanges bool
	traceUI      string

	mu      sync.Mutex
	now     time.Time
	calls   []obj          // newest first
	posts   []string       // path and body of each change, in order
	changes map[string]obj // breakers and drift that were changed, by name
}

func newFixture(f flavour, now time.Time) *fixture {
	s := &fixture{flavour: f, allowChanges: true, traceUI: "http://localhost:16686/trace/{trace_id}", now: now, changes: make(map[string]obj)}
	if f == hostile {
		s.traceUI = "javascript:document.title='owned'//{trace_id}"
	}
	if f != empty {
		s.calls = fixtureCalls(now)
	}
	return s
}

// call adds one call, as if a bot had just made it, and gives its id.
func (s *fixture) call(at time.Time, outcome, route string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fixtureID(1000 + len(s.calls))
	s.calls = slices.Insert(s.calls, 0, fixtureCall(id, at, "store", "order_status", outcome, route))
	return id
}

// ServeHTTP answers as the operator API does.
func (s *fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	words := strings.Split(strings.TrimPrefix(r.URL.Path, "/signpost/"), "/")
	answer, ok := s.read(words, r)
	if r.Method == http.MethodPost {
		answer, ok = s.change(words, r)
	}
	w.Header().Set("Content-Type", "application/json")
	if !ok {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		answer = obj{"type": "about:blank", "title": "Not Found", "status": 404, "detail": "There is no such thing."}
	}
	if s.flavour == hostile {
		answer = spoil("", copied(answer))
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// copied is JSON as a reader of it has it.
func copied(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		panic(err)
	}
	return plain
}

// spoil puts the hostile text before every text that a stranger can choose.
func spoil(key string, v any) any {
	switch v := v.(type) {
	case string:
		if v == "" || slices.Contains(ownWords, key) {
			return v
		}
		return hostileText + v
	case []any:
		for i := range v {
			v[i] = spoil(key, v[i])
		}
	case map[string]any:
		for name, member := range v {
			v[name] = spoil(name, member)
		}
	}
	return v
}

func (s *fixture) read(words []string, r *http.Request) (any, bool) {
	full := s.flavour != empty
	switch words[0] {
	case "info":
		return obj{"version": "v0.4.0", "started": stamp(s.now.Add(-26 * time.Hour)), "trace_ui": s.traceUI, "allow_changes": s.allowChanges}, true
	case "state":
		return s.state(), true
	case "policies":
		return obj{"policies": given(full, fixturePolicies())}, true
	case "traffic":
		return obj{"now": stamp(s.now), "minute_s": 60, "policies": given(full, fixtureTraffic(s.now))}, true
	case "breakers":
		return obj{"breakers": given(full, s.breakers(""))}, true
	case "tenants":
		return obj{"tenants": given(full, fixtureTenants())}, true
	case "alerts":
		return obj{"alerts": given(full, fixtureAlerts(s.now)), "channels": given(full, list{"mail", "webhook"})}, true
	case "calls":
		if len(words) > 1 {
			return s.oneCall(words[1])
		}
		return s.someCalls(r), true
	case "drift":
		if len(words) > 2 {
			return s.structure(words[1], words[2])
		}
		return obj{"operations": given(full, s.structures())}, true
	}
	return nil, false
}

// state is that of a Redis which went away.
func (s *fixture) state() obj {
	if s.flavour == empty {
		return obj{"kind": "memory", "fail": "", "there": false, "since": nil, "reason": ""}
	}
	return obj{
		"kind": "redis", "fail": "local", "there": false, "since": stamp(s.now.Add(-40 * time.Second)), "reason": "connection refused",
		"address": "redis://redis.internal:6379", "mode": "standalone", "sidecar": "K7Q2M4XZ", "round_trip_ms": 0.412, "calls": 9120, "failures": 3, "dropped": 0, "times_away": 1,
		"decided": obj{"redis": 9003, "local": 117, "refused": 0},
	}
}

func given(full bool, l list) list {
	if full {
		return l
	}
	return list{}
}

// someCalls is the list of calls as the query asks for it.
func (s *fixture) someCalls(r *http.Request) obj {
	query := r.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil {
		limit = 100
	}
	found, passed := list{}, query.Get("before") == ""
	for _, call := range s.calls {
		if !passed {
			passed = call["id"] == query.Get("before")
			continue
		}
		fits := query.Get("failed") != "true" || call["failed"] == true
		for _, name := range []string{"policy", "operation", "outcome", "route", "tenant"} {
			fits = fits && (query.Get(name) == "" || call[name] == query.Get(name))
		}
		if fits {
			found = append(found, call)
		}
	}
	more := len(found) > limit
	return obj{"calls": found[:min(limit, len(found))], "more": more}
}

func (s *fixture) oneCall(id string) (any, bool) {
	for _, call := range s.calls {
		if call["id"] == id || call["trace_id"] == id {
			return fixtureDetail(call), true
		}
	}
	return nil, false
}

func (s *fixture) breakers(policy string) list {
	found := list{}
	for _, b := range fixtureBreakers(s.now) {
		breaker := b.(obj)
		if name, _ := breaker["policy"].(string); policy == "" || name == policy {
			if changed, ok := s.changes["breaker "+name]; ok {
				maps.Copy(breaker, changed)
			}
			found = append(found, breaker)
		}
	}
	return found
}

func (s *fixture) structures() list {
	all := fixtureStructures(s.now)
	for _, it := range all {
		structure := it.(obj)
		if changed, ok := s.changes["drift "+structure["policy"].(string)+"/"+structure["operation"].(string)]; ok {
			maps.Copy(structure, changed)
		}
	}
	return all
}

func (s *fixture) structure(policy, operation string) (any, bool) {
	for _, it := range s.structures() {
		if structure := it.(obj); structure["policy"] == policy && structure["operation"] == operation {
			return fixtureStructure(structure), true
		}
	}
	return nil, false
}

// change does what a POST says and remembers it.
func (s *fixture) change(words []string, r *http.Request) (any, bool) {
	var body obj
	if r.ContentLength != 0 {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			return nil, false
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, false
	}
	s.posts = append(s.posts, strings.Join(words, "/")+" "+string(text))
	switch last := words[len(words)-1]; {
	case words[0] == "test":
		return fixtureTest(fixtureDetail(s.calls[0])), true
	case words[0] == "breakers" && last == "reset":
		s.changes["breaker "+words[1]] = obj{"held": "", "held_until": nil, "cells": list{}}
		return obj{"breakers": s.breakers(words[1])}, true
	case words[0] == "breakers" && last == "hold":
		s.changes["breaker "+words[1]] = obj{"held": body["state"], "held_until": nil}
		if _, ok := body["for"]; ok {
			s.changes["breaker "+words[1]]["held_until"] = stamp(time.Now().Add(10 * time.Minute))
		}
		return obj{"breakers": s.breakers(words[1])}, true
	case words[0] == "drift" && len(words) == 4:
		s.changes["drift "+words[1]+"/"+words[2]] = map[string]obj{
			"accept": {"state": "watching", "changes": list{}, "drifting_since": nil, "count": 0},
			"ignore": {"ignored": true},
			"forget": {"state": "learning", "changes": list{}, "drifting_since": nil, "count": 0},
			"pin":    {"pinned": true},
		}[last]
		return s.structure(words[1], words[2])
	case words[0] == "alerts" && last == "reset":
		return obj{}, true
	}
	return nil, false
}
