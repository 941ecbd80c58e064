//go:build e2e

package e2e

import "time"

// sceneConfig is a Caddyfile in which calls come to every verdict.
const sceneConfig = `{
	admin 127.0.0.1:ADMIN
	persist_config off
	storage file_system STORAGE
	signpost {
		plan default {
			rate_limit off
		}
		plan small {
			rate_limit 2/h
			tenants modest
		}
		secrets env SCENE_
		policy store STORE/v2 {
			record 1000 bodies 64KiB
			inject bearer {secret.store_token}
			timeout 10s
			breaker off
			hint sign_in status == 401
			fallback outcome == "rate_limited" {
				route slow_down
				respond 200 application/json ` + "`{\"message\":\"One moment, {{input.order_number}}.\"}`" + `
			}
			fallback {
				next continue
				respond 200 application/json ` + "`{\"message\":\"The store is away.\"}`" + `
			}
			operation order_status GET "/orders/{{order_number}}" {
				input order_number matches "[0-9]{4,12}"
				input language default "en"
				query lang "{{language}}"
				extract status $.order.status
				extract eta $.order.eta default "unknown"
				extract items $.order.items[*].name
				extract price $.order.price
				hint shipped vars.status == "shipped"
				hint preparing ` + "`vars.status in [\"paid\", \"packed\"]`" + `
				hint expensive vars.price > 100
				hint many len(vars.items) > 2
				hint not_found status == 404
				hint later status == 429
				hint vip ` + "`headers[\"x-level\"] == \"vip\"`" + `
			}
			operation receipt GET "/receipts/{{number}}" {
				success body.error == nil
				extract total $.total required
				hint paid ok && vars.total > 0
				otherwise unclear
			}
			operation note POST /notes {
				input text
				input tags json default ` + "`[]`" + `
				json ` + "`{\"text\": {{text}}, \"tags\": {{tags}}, \"by\": \"bot\"}`" + `
				hint kept status == 201
			}
			operation price GET "/prices/{{sku}}" {
				extract price $.price
				fallback {
					stale 10m
				}
				hint known vars.price != nil
			}
			operation stubborn GET "/stubborn/{{number}}" {
				retry 2 {
					backoff 10ms 20ms
				}
				hint at_last ok && attempts > 1
			}
			operation wrapped GET "/wrapped/{{number}}" {
				reply envelope
				extract status $.status
				hint shipped vars.status == "shipped"
			}
		}
		policy hasty STORE/v2 {
			record 1000
			timeout 300ms
			hint hurry outcome == "timeout"
		}
		policy gone http://127.0.0.1:CLOSED/ {
			record 1000
			hint handoff outcome == "unreachable"
		}
		policy fragile STORE/v2 {
			record 1000
			breaker 2 consecutive {
				open 2s
				probes 1
			}
			hint resting outcome == "circuit_open"
		}
		policy tight STORE/v2 {
			record 1000
			rate_limit 2/h
		}
		policy crowded STORE/v2 {
			record 1000
			concurrency 1 shared
			hint busy outcome == "overloaded"
		}
		policy reader STORE/v2 {
			record 1000
			methods GET
			operations_only
			operation order GET "/orders/{{order_number}}" {
				hint found ok
			}
		}
		policy named http://localhost:STORE_PORT/v2 {
			record 1000
		}
	}
}
:PORT {
	bind 127.0.0.1
	signpost
}
`

// sceneExtracts are the variables of the operations of sceneConfig.
var sceneExtracts = map[string][]string{
	"order_status": {"eta", "items", "price", "status"}, "receipt": {"total"}, "price": {"price"}, "wrapped": {"status"},
}

// scene is one call, or several in a row that share limits, breakers and stale
// answers.
type scene struct {
	name, policy, operation, tenant string
	calls                           []sceneCall
}

// sceneCall is a call, what the third party does with it, and what it comes to.
type sceneCall struct {
	input              map[string]any // of a named call
	method, path, body string         // of a base-URL call
	wait               time.Duration  // before it
	turns              []turn
	supposed           string // what decides the call without the third party
	outcome, route     string
}

// asks is a named call of order_status.
func asks(number string, outcome, route string, turns ...turn) []sceneCall {
	return []sceneCall{{input: map[string]any{"order_number": number}, outcome: outcome, route: route, turns: turns}}
}

// gets is a base-URL call.
func gets(path, outcome, route string, turns ...turn) sceneCall {
	return sceneCall{path: path, outcome: outcome, route: route, turns: turns}
}

// about is a named call with one variable, the number.
func about(outcome, route string, turns ...turn) []sceneCall {
	return []sceneCall{{input: map[string]any{"number": "7"}, outcome: outcome, route: route, turns: turns}}
}

// What the third party does in more than one scene.
var (
	shipped = answers(200, `{"order":{"status":"shipped","eta":"2026-11-23","items":[{"name":"teapot"},{"name":"Tässchen ☕"}]}}`)
	packed  = answers(200, `{"order":{"status":"packed","price":99.50}}`)
	broken  = answers(500, `{"error":"out of order"}`)
	hangs   = turn{Outcome: "timeout"}
	resets  = turn{Outcome: "incomplete"}
	breaks  = turn{Outcome: "incomplete", Status: 200, Headers: map[string]string{"Content-Type": "application/json"}, Body: `{"order":{"status":"shi`}
	nobody  = turn{Outcome: "unreachable"}
)

// scenes are calls that come to every verdict which a policy can come to.
var scenes = []scene{
	{"shipped", "store", "order_status", "acme", asks("1001", "success", "shipped", shipped)},
	{"packed", "store", "order_status", "acme", asks("1002", "success", "preparing", packed)},
	{"expensive", "store", "order_status", "acme", asks("1003", "success", "expensive", answers(200, `{"order":{"price":250}}`))},
	{"many", "store", "order_status", "acme", asks("1004", "success", "many", answers(200, `{"order":{"items":[{"name":1},{"name":null},{"name":{"a":[]}}]}}`))},
	{"a level in a header", "store", "order_status", "acme", asks("1005", "success", "vip", turn{
		Headers: map[string]string{"Content-Type": "application/json", "X-Level": "vip"}, Body: `{"order":{"status":null,"eta":null}}`,
	})},
	{"nobody planned for it", "store", "order_status", "acme", asks("1006", "success", "success", answers(200, `{"order":{"status":"lost"}}`))},
	{"JSON labelled as a page", "store", "order_status", "acme", asks("1007", "success", "shipped", turn{Headers: map[string]string{"Content-Type": "text/html"}, Body: shipped.Body})},
	{"another language", "store", "order_status", "acme", []sceneCall{{
		input: map[string]any{"order_number": "1008", "language": "zh/…&x=1"}, turns: []turn{shipped}, outcome: "success", route: "shipped",
	}}},
	{"not found", "store", "order_status", "acme", asks("4711", "client_error", "not_found", answers(404, `{"error":"no such order"}`))},
	{"refused", "store", "order_status", "acme", asks("1009", "client_error", "sign_in", turn{Status: 401})},
	{"a bad request of theirs", "store", "order_status", "acme", asks("1010", "client_error", "failure", answers(422, `{}`))},
	{"their limit", "store", "order_status", "acme", asks("1011", "client_error", "later", turn{Status: 429, Headers: map[string]string{"Retry-After": "7"}})},
	{"moved", "store", "order_status", "acme", asks("1012", "success", "success", turn{Status: 302, Headers: map[string]string{"Location": "/elsewhere"}})},
	{"no content", "store", "order_status", "acme", asks("1013", "success", "success", turn{Status: 204})},
	{"server error", "store", "order_status", "acme", asks("1014", "server_error", "error", broken)},
	{"no JSON", "store", "order_status", "acme", asks("1015", "unmappable", "error", turn{Headers: map[string]string{"Content-Type": "text/html"}, Body: "<p>hello</p>"})},
	{"half of a JSON text", "store", "order_status", "acme", asks("1016", "unmappable", "error", answers(200, `{"order":`))},
	{"reset", "store", "order_status", "acme", asks("1017", "incomplete", "error", resets)},
	{"breaks off", "store", "order_status", "acme", asks("1018", "incomplete", "error", breaks)},
	{"no order number", "store", "order_status", "acme", []sceneCall{{input: map[string]any{"order_number": "12"}, outcome: "bad_request", route: "error"}}},
	{"below the base URL", "store", "", "acme", []sceneCall{gets("/orders/1019?lang=de&a=%2F", "success", "shipped", shipped)}},
	{"an unknown path", "store", "", "", []sceneCall{gets("/else/%2F?x", "success", "success", turn{Headers: map[string]string{"Content-Type": "text/plain"}, Body: "hello"})}},
	{"a climbing path", "store", "", "acme", []sceneCall{gets("/orders/..%2f1001", "bad_request", "error")}},
	{"a sent body", "store", "", "acme", []sceneCall{{method: "PUT", path: "/carts/7", body: `{"n": 1.50}`, turns: []turn{{Status: 201}}, outcome: "success", route: "success"}}},
	{"paid", "store", "receipt", "acme", about("success", "paid", answers(200, `{"total":12.30}`))},
	{"an odd total", "store", "receipt", "acme", about("success", "unclear", answers(200, `{"total":"12"}`))},
	{"no total", "store", "receipt", "acme", about("unmappable", "unclear", answers(200, `{}`))},
	{"an error inside", "store", "receipt", "acme", about("rejected", "unclear", answers(200, `{"error":"locked","total":1}`))},
	{"a note", "store", "note", "acme", []sceneCall{{
		input: map[string]any{"text": "She said \"no\".\n", "tags": []any{"vip", 1}}, turns: []turn{answers(201, `{}`)}, outcome: "success", route: "kept",
	}}},
	{"at the third attempt", "store", "stubborn", "acme", about("success", "at_last", turn{Status: 503}, resets, answers(200, `{}`))},
	{"at no attempt", "store", "stubborn", "acme", about("server_error", "error", turn{Status: 503}, turn{Status: 502})},
	{"wrapped", "store", "wrapped", "acme", about("success", "shipped", answers(200, `{"status":"shipped"}`))},
	{"wrapped, and broken", "store", "wrapped", "acme", about("server_error", "error", broken)},
	{"yesterday's price", "store", "price", "acme", []sceneCall{
		{input: map[string]any{"sku": "tea"}, turns: []turn{answers(200, `{"price":3}`)}, outcome: "success", route: "known"},
		{input: map[string]any{"sku": "tea"}, turns: []turn{broken}, outcome: "server_error", route: "known"},
		{input: map[string]any{"sku": "cup"}, turns: []turn{broken}, outcome: "server_error", route: "error"},
	}},
	{"a small plan", "store", "order_status", "modest", []sceneCall{
		asks("1001", "success", "shipped", shipped)[0], asks("1001", "server_error", "error", broken)[0], asks("1001", "rate_limited", "slow_down")[0],
	}},
	{"a limit of the policy", "tight", "", "acme", []sceneCall{
		gets("/a", "success", "success", packed), gets("/b", "client_error", "failure", turn{Status: 400}), gets("/c", "rate_limited", "error"),
	}},
	{"a breaker", "fragile", "", "acme", []sceneCall{
		gets("/a", "server_error", "error", broken), gets("/b", "incomplete", "error", resets), gets("/c", "circuit_open", "resting"),
		{path: "/d", wait: 2100 * time.Millisecond, turns: []turn{packed}, outcome: "success", route: "success"}, gets("/e", "success", "success", packed),
	}},
	{"too slow", "hasty", "", "acme", []sceneCall{gets("/a", "timeout", "hurry", hangs)}},
	{"nobody there", "gone", "", "acme", []sceneCall{gets("/a", "unreachable", "handoff", nobody)}},
	{"another method", "reader", "", "acme", []sceneCall{{method: "DELETE", path: "/orders/1001", outcome: "denied", route: "error"}}},
	{"no operation", "reader", "", "acme", []sceneCall{gets("/else", "denied", "error")}},
	{"a name for this machine", "named", "", "acme", []sceneCall{{path: "/a", supposed: "denied", outcome: "denied", route: "error"}}},
	{"one too many", "crowded", "", "acme", []sceneCall{{path: "/a", supposed: "overloaded", outcome: "overloaded", route: "busy"}}},
}
