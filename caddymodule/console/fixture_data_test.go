package console

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

func fixtureID(n int) string { return fmt.Sprintf("a1b2c3d4e5f6%04x", n) }

func fixturePolicies() list {
	limit := func(text string, shared bool) obj { return obj{"text": text, "shared": shared} }
	orders := obj{
		"name": "order_status", "title": "Where is my order?", "method": "GET", "template": "/orders/{{order_number}}", "named": true,
		"inputs":    list{obj{"var": "order_number", "type": "number", "required": true, "default": nil, "in": list{}, "matches": "[0-9]{4,}"}, obj{"var": "lang", "type": "string", "required": false, "default": "en", "in": list{"en", "de", "fr"}, "matches": ""}},
		"extracts":  list{obj{"var": "status", "path": "$.order.status", "default": nil, "required": true}, obj{"var": "eta", "path": "$.order.delivery.eta", "default": "unknown", "required": false}},
		"hints":     list{obj{"route": "shipped", "when": `vars.status == "shipped"`}, obj{"route": "preparing", "when": `vars.status in ["paid", "packed"]`}, obj{"route": "not_found", "when": "status == 404"}},
		"otherwise": "", "fallbacks": list{"stale 10m", "respond 200 application/json"},
	}
	cancel := obj{
		"name": "cancel_order", "title": "", "method": "POST", "template": "/orders/{{order_number}}/cancel", "named": true,
		"inputs":   list{obj{"var": "order_number", "type": "number", "required": true, "default": nil, "in": list{}, "matches": ""}, obj{"var": "notify", "type": "bool", "required": false, "default": true, "in": list{}, "matches": ""}, obj{"var": "reason", "type": "json", "required": false, "default": nil, "in": list{}, "matches": ""}},
		"extracts": list{}, "hints": list{obj{"route": "too_late", "when": "status == 409"}}, "otherwise": "canceled", "fallbacks": list{},
	}
	policy := func(name, title, base string, operations ...any) obj {
		return obj{
			"name": name, "title": title, "base_url": base, "methods": list{}, "timeout_ms": 4000, "limits": list{limit("1000/m", true), limit("60/m", false)},
			"concurrency": list{limit("50", true)}, "breaker": "50% of 20 in 30s", "operations_only": name == "store", "inject": list{"bearer"},
			"extracts": list{}, "hints": list{}, "otherwise": "", "fallbacks": list{}, "record": 20, "drift": "watch", "operations": append(list{}, operations...),
		}
	}
	return list{
		policy("store", "The store", "https://api.store.example/v2", orders, cancel),
		policy("crm", "Customer records", "https://crm.example/api"),
		policy("weather", "", "https://weather.example"),
	}
}

func fixtureTraffic(now time.Time) list {
	policy := func(name string, perMinute float64, failed int, shares obj, p50, p99 float64) obj {
		minutes, calls := list{}, 0
		for _, n := range shares {
			calls += n.(int)
		}
		for at := 59; at >= 0; at-- {
			n := int(perMinute * (1 + 0.6*math.Sin(float64(at)/7) + 0.2*math.Cos(float64(at*at))))
			if n <= 0 || (name == "crm" && at > 30 && at < 38) {
				continue
			}
			bad := 0
			if at < 9 && name != "weather" {
				bad = n / 4
			}
			wave := 1 + 0.3*math.Sin(float64(at)/4)
			minutes = append(minutes, obj{
				"start": stamp(now.Truncate(time.Minute).Add(-time.Duration(at) * time.Minute)), "calls": n, "failed": bad,
				"outcomes": obj{"success": n - bad, "timeout": bad}, "p50_ms": p50 * wave, "p99_ms": p99 * (wave + float64(bad)/3),
			})
		}
		return obj{"policy": name, "calls_per_minute": perMinute, "calls": calls, "failed": failed, "outcomes": shares, "p50_ms": p50, "p99_ms": p99, "minutes": minutes}
	}
	return list{
		policy("store", 12.4, 22, obj{"success": 672, "client_error": 31, "timeout": 18, "rate_limited": 9, "server_error": 4}, 41.2, 380),
		policy("crm", 3.2, 51, obj{"success": 101, "circuit_open": 22, "unreachable": 14, "server_error": 12, "denied": 3}, 88, 2150),
		policy("weather", 0.8, 0, obj{"success": 40}, 12.5, 31),
		policy("", 0.1, 0, obj{"not_found": 6}, 0.2, 0.4),
	}
}

func fixtureBreakers(now time.Time) list {
	cell := func(host, tenant, state string, ago time.Duration, probe any, requests, failures int) obj {
		return obj{"host": host, "tenant": tenant, "state": state, "since": stamp(now.Add(-ago)), "probe_at": probe, "requests": requests, "failures": failures}
	}
	breaker := func(policy, config string, cells ...any) obj {
		return obj{"policy": policy, "config": config, "off": config == "", "held": "", "held_until": nil, "cells": append(list{}, cells...), "left_out": 0}
	}
	held := breaker("store.order_status", "5 consecutive, open 15s, 3 probes", cell("api.store.example:443", "globex", "half-open", 40*time.Second, nil, 3, 1))
	held["held"], held["held_until"] = "closed", stamp(now.Add(9*time.Minute))
	return list{
		breaker("store", "50% of 20 in 30s, open 15s, 3 probes", cell("api.store.example:443", "", "closed", 3*time.Hour, nil, 212, 6)), held,
		breaker("crm", "50% of 20 in 30s, open 15s, 3 probes", cell("crm.example:443", "", "open", 21*time.Second, stamp(now.Add(13*time.Second)), 20, 12)),
		breaker("weather", ""),
	}
}

func fixtureTenants() list {
	tenant := func(name, plan, window string, limit, remaining int, reset float64) obj {
		return obj{"tenant": name, "plan": plan, "scope": "plan " + plan, "window": window, "limit": limit, "remaining": remaining, "used_share": 1 - float64(remaining)/float64(limit), "reset_ms": reset}
	}
	return list{
		tenant("acme", "gold", "600/m", 600, 12, 13000), tenant("globex", "gold", "20000/d", 20000, 4400, 30600000),
		tenant("Müller & Söhne", "default", "10/m", 10, 6, 41000),
	}
}

func fixtureAlerts(now time.Time) list {
	return list{
		obj{"policy": "crm", "last_told": stamp(now.Add(-12 * time.Minute)), "failed": 48, "drifted": 0, "next": stamp(now.Add(48 * time.Minute)), "pending": false, "last_error": ""},
		obj{"policy": "store", "last_told": stamp(now.Add(-3 * time.Minute)), "failed": 7, "drifted": 1, "next": nil, "pending": true, "last_error": "sending mail: dial tcp 203.0.113.9:587: connect: connection refused"},
	}
}

// fixtureCalls are 130 calls of the last half hour, newest first.
func fixtureCalls(now time.Time) []obj {
	kinds := []struct{ policy, operation, outcome, route string }{
		{"store", "order_status", "success", "shipped"}, {"store", "order_status", "success", "preparing"}, {"crm", "", "circuit_open", "error"},
		{"store", "order_status", "client_error", "not_found"}, {"store", "order_status", "timeout", "error"}, {"weather", "", "success", "success"},
		{"store", "cancel_order", "success", "canceled"}, {"store", "order_status", "rate_limited", "error"}, {"crm", "", "server_error", "error"},
		{"store", "order_status", "unmappable", "error"}, {"", "", "not_found", "error"}, {"crm", "", "denied", "error"}, {"weather", "", "canceled", ""},
	}
	calls := make([]obj, 130)
	for i := range calls {
		k := kinds[(i*i+i/3)%len(kinds)]
		calls[i] = fixtureCall(fixtureID(i), now.Add(-time.Duration(i)*13700*time.Millisecond), k.policy, k.operation, k.outcome, k.route)
	}
	return calls
}

func fixtureCall(id string, at time.Time, policy, operation, outcome, route string) obj {
	facts := map[string]struct {
		status   int
		ms       float64
		attempts int
		reason   string
	}{
		"success": {200, 43.121, 1, ""}, "client_error": {404, 38.4, 1, "the third party answered 404"}, "timeout": {504, 4001.2, 2, "no answer within 4s"},
		"circuit_open": {503, 0.214, 0, "the breaker is open, and will probe in 13s"}, "rate_limited": {429, 0.108, 0, "Rate Limit Exceeded"},
		"server_error": {502, 913.7, 3, "the third party answered 502"}, "unmappable": {200, 51.3, 1, "Response Mapping Not Done, Only JSON can be mapped as Response"},
		"not_found": {404, 0.09, 0, "there is no policy \"shop\""}, "denied": {405, 0.1, 0, "the policy allows GET only"}, "canceled": {499, 210, 1, "the bot went away"},
	}[outcome]
	failed := map[string]bool{"timeout": true, "circuit_open": true, "server_error": true, "unmappable": true, "denied": true}[outcome]
	fallback, next := "", "continue"
	if outcome == "timeout" {
		fallback = "static"
	} else if outcome != "success" && route != "not_found" {
		next = "stop"
	}
	path, method := "/"+cmp.Or(policy, "shop")+"/v1/records/8", "GET"
	switch operation {
	case "order_status":
		path = "/store/orders/4711"
	case "cancel_order":
		path, method = "/call/store/cancel_order", "POST"
	}
	return obj{
		"id": id, "time": stamp(at), "tenant": []string{"acme", "globex", "Müller & Söhne"}[at.Second()%3], "policy": policy, "operation": operation, "method": method, "path": path,
		"status": facts.status, "outcome": outcome, "route": route, "next": next, "latency_ms": facts.ms, "trace_id": "4bf92f3577b34da6" + id, "failed": failed,
		"attempts": facts.attempts, "fallback": fallback, "reason": facts.reason,
	}
}
