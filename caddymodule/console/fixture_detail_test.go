package console

import (
	"encoding/json"
	"maps"
	"strings"
	"time"
)

const (
	shippedBody = `{"order":{"number":4711000000000000001,"status":"shipped","total":19.90,"delivery":{"carrier":"DHL","eta":"2026-11-23","stops":["Leipzig","Berlin"]},"items":[{"sku":"A-1","count":2},{"sku":"B-7","count":1}],"note":null,"gift":false}}`
	brokenBody  = `{"error":{"code":"upstream_timeout","message":"try again later"}}`
)

func fixtureMessage(body string, more obj) obj {
	m := obj{
		"headers": list{list{"Content-Type", "application/json; charset=utf-8"}, list{"Date", "Fri, 20 Nov 2026 10:00:00 GMT"}},
		"body":    body, "body_encoding": "utf-8", "body_bytes": len(body), "body_cut": false, "body_note": "",
	}
	maps.Copy(m, more)
	return m
}

// fixtureDetail is all that the log has of a call.
func fixtureDetail(call obj) obj {
	detail := maps.Clone(call)
	outcome, _ := call["outcome"].(string)
	path, _ := call["path"].(string)
	answered := call["attempts"] != 0 && outcome != "timeout" && outcome != "canceled"
	body := shippedBody
	if outcome != "success" {
		body = brokenBody
	}
	maps.Copy(detail, obj{
		"plan": "gold", "route_by": "outcome", "proxy_error": "", "upstream_status": 0, "upstream_ms": 0.0, "breaker": "closed", "limit": "", "broken": "",
		"request": fixtureMessage("", obj{"method": call["method"], "url": path + "?lang=de", "headers": list{list{"Accept", "*/*"}, list{"Authorization", "[redacted]"}, list{"User-Agent", "botworks/3.1"}, list{"X-Tenant-Id", call["tenant"]}}}),
		"sent":    nil, "received": nil, "response": fixtureMessage(problemBody(call), obj{"status": call["status"]}),
		"vars": list{}, "input": list{obj{"name": "order_number", "value": json.Number("4711000000000000001")}}, "hints": fixtureHints(call), "faults": list{}, "attempts": fixtureAttempts(call), "drift": list{},
	})
	switch call["route"] {
	case "shipped", "preparing", "not_found":
		detail["route_by"] = "hint"
	case "canceled":
		detail["route_by"] = "otherwise"
	}
	if call["fallback"] != "" {
		detail["route_by"], detail["proxy_error"] = "fallback", "http_response_timeout"
		detail["faults"] = list{obj{"where": "success", "condition": "body.ok > 0", "error": "comparing null with a number"}}
	}
	if outcome == "rate_limited" {
		detail["limit"] = "plan gold 600/m"
	}
	if call["attempts"] != 0 {
		detail["sent"] = fixtureMessage("", obj{"method": "GET", "url": "https://api.store.example/v2/orders/4711?lang=de", "headers": list{list{"Accept", "*/*"}, list{"Authorization", "Bearer [redacted]"}}})
	}
	if answered {
		detail["upstream_status"], detail["upstream_ms"] = call["status"], 42.0
		detail["received"] = fixtureMessage(body, obj{"status": call["status"]})
		detail["response"] = fixtureMessage(body, obj{"status": call["status"]})
	}
	switch outcome {
	case "success":
		detail["vars"] = list{obj{"name": "status", "value": call["route"]}, obj{"name": "eta", "value": "2026-11-23"}, obj{"name": "stops", "value": list{"Leipzig", "Berlin"}}}
		detail["drift"] = fixtureChanges()
	case "unmappable":
		detail["received"] = fixtureMessage("H4sIAAAAAAAAA8tIzcnJVyjPL8pJAQCFEUoNCwAAAA==", obj{"status": 200, "body_encoding": "base64", "body_bytes": 31, "headers": list{list{"Content-Type", "application/octet-stream"}}})
	case "server_error":
		detail["received"] = fixtureMessage(`{"errors":["`+strings.Repeat("the database is away; ", 30), obj{"status": 502, "body_cut": true, "body_bytes": 183042})
	}
	return detail
}

func problemBody(call obj) string {
	text, err := json.Marshal(obj{"type": "urn:signpost:" + call["outcome"].(string), "status": call["status"], "detail": call["reason"], "route": call["route"]})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func fixtureHints(call obj) list {
	if call["operation"] != "order_status" {
		return list{}
	}
	route := call["route"]
	hint := func(name, condition string, values ...any) obj {
		return obj{"route": name, "condition": condition, "result": route == name, "error": "", "values": append(list{}, values...)}
	}
	reading := func(name string, value any) obj { return obj{"name": name, "value": value} }
	late := hint("late", "vars.days > 3", reading("vars.days", nil))
	late["error"] = "comparing null with a number"
	asked := list{late, hint("shipped", `vars.status == "shipped"`, reading("vars.status", route))}
	if route == "shipped" {
		return asked
	}
	asked = append(asked, hint("preparing", `vars.status in ["paid", "packed"]`, reading("vars.status", route)))
	if route == "preparing" {
		return asked
	}
	return append(asked, hint("not_found", "status == 404", reading("status", call["status"])))
}

func fixtureAttempts(call obj) list {
	attempt := func(start, took float64, status int, outcome, proxyError string) obj {
		return obj{"start_ms": start, "duration_ms": took, "status": status, "outcome": outcome, "host": "api.store.example:443", "proxy_error": proxyError}
	}
	took, _ := call["latency_ms"].(float64)
	status, _ := call["status"].(int)
	outcome, _ := call["outcome"].(string)
	switch call["attempts"] {
	case 0:
		return list{}
	case 1:
		return list{attempt(0.31, took-0.62, status, outcome, "")}
	case 2:
		return list{attempt(0.4, 1210, 503, "server_error", ""), attempt(1480, took-1481, 0, outcome, "http_response_timeout")}
	default:
		return list{attempt(0.4, 200, 0, "unreachable", "connection_refused"), attempt(290, 210, 502, "server_error", ""), attempt(680, took-681, 502, "server_error", "")}
	}
}

func fixtureChanges() list {
	return list{
		obj{"path": "$.order.status", "was": "string", "is": "missing", "vars": list{"status"}, "suggest": "$.order.state", "extract": "extract status $.order.state"},
		obj{"path": "$.order.total", "was": "number", "is": "string", "vars": list{}, "suggest": "", "extract": ""},
	}
}

func fixtureStructures(now time.Time) list {
	structure := func(policy, operation, state string) obj {
		return obj{
			"policy": policy, "operation": operation, "state": state, "learned": stamp(now.Add(-25 * time.Hour)), "pinned": false, "answers": 1234,
			"drifting_since": nil, "last_seen": stamp(now.Add(-4 * time.Second)), "count": 0, "ignored": false, "changes": list{},
		}
	}
	drifting := structure("store", "order_status", "drifting")
	drifting["drifting_since"], drifting["count"], drifting["changes"] = stamp(now.Add(-3*time.Minute)), 37, fixtureChanges()
	learning := structure("crm", "find_customer", "learning")
	learning["learned"], learning["answers"], learning["last_seen"] = "", 0, nil
	return list{structure("store", "cancel_order", "watching"), drifting, learning}
}

// structureText keeps the order of its members, as the API does.
const structureText = `{"$":"object","$.order":"object","$.order.number":"number","$.order.status":"string","$.order.total":"number","$.order.delivery":"object","$.order.delivery.eta":"string","$.order.items":"array","$.order.items[*]":"object","$.order.items[*].sku":"string"}`

// fixtureStructure is one operation with its structure, and the differences
// while it drifts.
func fixtureStructure(structure obj) obj {
	full := maps.Clone(structure)
	full["structure"] = json.RawMessage(structureText)
	if full["state"] == "learning" {
		full["structure"] = obj{}
	}
	if full["state"] != "drifting" {
		return full
	}
	line := func(path, before, after, kind string) obj {
		return obj{"path": path, "old": before, "new": after, "kind": kind}
	}
	full["diff"] = list{
		line("$", "object", "object", "same"), line("$.order", "object", "object", "same"), line("$.order.number", "number", "number", "same"),
		line("$.order.status", "string", "", "removed"), line("$.order.state", "", "string", "added"), line("$.order.total", "number", "string", "changed"),
		line("$.order.delivery", "object", "object", "same"), line("$.order.delivery.eta", "string", "string", "same"), line("$.order.items", "array", "array", "same"),
		line("$.order.items[*]", "object", "object", "same"), line("$.order.items[*].sku", "string", "string", "same"),
	}
	return full
}

// fixtureTest is the answer to a test call.
func fixtureTest(call obj) obj {
	value := func(path, kind string, v any, name string) obj {
		return obj{"path": path, "type": kind, "value": v, "var": name, "extract": "extract " + name + " " + path}
	}
	return obj{
		"call": call, "answer": fixtureMessage(shippedBody, obj{"status": 200}), "values_left_out": 0,
		"values": list{
			value("$", "object", nil, "answer"), value("$.order", "object", nil, "order"), value("$.order.number", "number", json.Number("4711000000000000001"), "number"),
			value("$.order.status", "string", "shipped", "status"), value("$.order.total", "number", 19.9, "total"), value("$.order.delivery", "object", nil, "delivery"),
			value("$.order.delivery.carrier", "string", "DHL", "carrier"), value("$.order.delivery.eta", "string", "2026-11-23", "eta"),
			value("$.order.delivery.stops", "array", nil, "stops"), value("$.order.delivery.stops[0]", "string", "Leipzig", "stop"), value("$.order.delivery.stops[1]", "string", "Berlin", "stop_2"),
			value("$.order.items", "array", nil, "items"), value("$.order.items[0]", "object", nil, "item"), value("$.order.items[0].sku", "string", "A-1", "sku"),
			value("$.order.items[0]['unit price']", "number", 9.95, "unit_price"), value("$.order.note", "null", nil, "note"), value("$.order.gift", "boolean", false, "gift"),
		},
	}
}
