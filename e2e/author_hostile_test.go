//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAuthorIsToldOfEveryMistakeInATestWithItsPlace(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]struct {
		text string
		want []string
	}{
		"no YAML":               {"policy: store\ntests:\n  - name: [a\n", []string{"orders_test.yaml:3", "YAML"}},
		"unknown keys":          {"policy: store\noperation: order_status\ntests:\n  - name: a\n    givn: {status: 200}\n    expect: {rout: a, outcome: success}\n", []string{"orders_test.yaml:5", "did you mean given?", "orders_test.yaml:6", "did you mean route?"}},
		"no operation":          {"policy: store\noperation: order_state\ntests:\n  - name: a\n    expect: {route: a}\n", []string{"orders_test.yaml:4", "order_state", "order_status"}},
		"no policy":             {"policy: shop\ntests:\n  - name: a\n    expect: {route: a}\n", []string{"orders_test.yaml:3", "shop", "store"}},
		"no variable":           {"policy: store\noperation: order_status\ntests:\n  - name: a\n    expect: {vars: {state: a}}\n", []string{"orders_test.yaml:5", "state", "status"}},
		"nothing":               {"", []string{"orders_test.yaml:1: error: "}},
		"twice":                 {"policy: store\npolicy: store\ntests: []\n", []string{"orders_test.yaml:2", "policy"}},
		"no such configuration": {"config: elsewhere\npolicy: store\ntests:\n  - name: a\n    expect: {route: a}\n", []string{"elsewhere"}},
		"no body":               {"policy: store\noperation: order_status\ntests:\n  - name: a\n    given: {file: /etc/shadow-of-nobody}\n    expect: {route: a}\n", []string{"orders_test.yaml:5", "/etc/shadow-of-nobody"}},
		"bombs":                 {"a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b]\n" + "tests: [*c, *c, *c, *c, *c]\n", []string{"orders_test.yaml:1"}},
		"deep":                  {"tests: " + strings.Repeat("[", 100000), []string{"orders_test.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := sit(t)
			a.drafts(t, "https://api.store.example", handoff)
			a.write(t, "orders_test.yaml", try.text)
			said := a.runs(t, 1, "test", "--junit", "report.xml")
			said.tells(t, try.want...)
			if files := a.files(t); files != "Caddyfile orders_test.yaml" {
				t.Errorf("in the folder are %s, want no report", files)
			}
		})
	}
}

func TestAuthorImportsNothingThatADocumentReachesFor(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var called atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			called.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	a := sit(t)
	a.write(t, "other.yaml", "components: {schemas: {A: {type: string}}}\n")
	const document = "openapi: 3.0.3\ninfo: {title: Reaches, version: \"1\"}\nservers: [{url: https://api.example}]\npaths:\n  /a:\n    get:\n      operationId: a\n" +
		"      responses: {\"200\": {description: OK, content: {application/json: {schema: {$ref: '%s'}}}}}\n"
	for _, reference := range []string{
		"http://" + listener.Addr().String() + "/schema.json", "http://" + listener.Addr().String() + "/schema.json#/A", "//" + listener.Addr().String() + "/x",
		"other.yaml#/components/schemas/A", "file:///etc/passwd", "../../../../../etc/passwd", "/etc/passwd",
	} {
		a.write(t, "reaches.yaml", fmt.Sprintf(document, reference))
		a.runs(t, 1, "import", "openapi", "reaches.yaml", "--output", "x.caddyfile", "--tests", "x_test.yaml").tells(t, "Error: ", "reaches.yaml:8", "reference").hides(t, "root:")
		if files := a.files(t); files != "other.yaml reaches.yaml" {
			t.Errorf("%s: in the folder are %s, want nothing new", reference, files)
		}
	}
	if n := called.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestAuthorImportsADocumentThatContainsItself(t *testing.T) {
	t.Parallel()
	a := sit(t)
	a.write(t, "cycles.yaml", `openapi: 3.1.0
info: {title: Cycles, version: "1"}
servers: [{url: https://api.example}]
paths:
  /trees/{id}:
    get:
      operationId: tree
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses:
        "200": {description: OK, content: {application/json: {schema: {$ref: '#/components/schemas/Tree'}}}}
    post:
      operationId: plant
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Tree'}}}}
      responses:
        "201": {description: OK, content: {application/json: {schema: {allOf: [{$ref: '#/components/schemas/Tree'}, {$ref: '#/components/schemas/Wood'}]}}}}
components:
  schemas:
    Tree: {type: object, required: [name, left], properties: {name: {type: string}, left: {$ref: '#/components/schemas/Tree'}, wood: {$ref: '#/components/schemas/Wood'}}}
    Wood: {type: object, properties: {trees: {type: array, items: {$ref: '#/components/schemas/Tree'}}, same: {$ref: '#/components/schemas/Wood'}}}
`)
	a.runs(t, 0, "import", "openapi", "cycles.yaml", "--whole", "--output", "Caddyfile", "--tests", "cycles_test.yaml").tells(t, "wrote Caddyfile")
	a.runs(t, 0, "check")
	a.runs(t, 0, "test").tells(t, ", 0 failed")
	a.write(t, "endless.yaml", "openapi: 3.1.0\ninfo: {title: Endless, version: \"1\"}\nservers: [{url: https://api.example}]\npaths:\n  /a:\n    get:\n      responses: {\"200\": {$ref: '#/components/responses/A'}}\n"+
		"components: {responses: {A: {$ref: '#/components/responses/B'}, B: {$ref: '#/components/responses/A'}}}\n")
	said := a.runs(t, 1, "import", "openapi", "endless.yaml", "--output", "x.caddyfile")
	said.tells(t, "Error: ", "endless.yaml")
	if said.took > time.Minute {
		t.Errorf("it took %s", said.took)
	}
}

func TestAuthorImportsACurlCommandWithoutRunningIt(t *testing.T) {
	t.Parallel()
	a := sit(t)
	canary := filepath.Join(a.dir, "canary")
	for _, command := range []string{
		"curl https://a.example/$(touch CANARY)", "curl https://a.example/`touch CANARY`", "curl https://a.example; touch CANARY", "curl https://a.example && touch CANARY",
		"curl https://a.example | tee CANARY", "curl https://a.example > CANARY", "curl https://a.example -o CANARY & touch CANARY", "touch CANARY", "curl https://a.example <(touch CANARY)",
		"curl https://a.example -d @/etc/passwd", "curl -K /etc/passwd https://a.example", "curl https://a.example -T /etc/passwd", "curl https://a.example \"$(touch CANARY)\"",
		"curl https://a.example ${x:=$(touch CANARY)}", "eval curl https://a.example", "curl https://a.example\ntouch CANARY", "curl file:///etc/passwd", "curl 'unclosed", "", "curl",
		"curl https://a.example/$((1+$(touch CANARY)))", "curl https://a.example/[1-1000]",
	} {
		command = strings.ReplaceAll(command, "CANARY", canary)
		said := a.runs(t, 1, "import", "curl", command, "--output", "x.caddyfile")
		said.tells(t, "Error: ")
		said.hides(t, "root:")
		if files := a.files(t); files != "" {
			t.Fatalf("%s left %s", command, files)
		}
	}
	a.pipes(t, 0, strings.NewReader("curl 'https://a.example/v1/orders/1001?api_key=k3y-of-nobody' \\\n  -H 'Cookie: sid=c00kie-of-nobody' -u ann:s3cr3t-of-ann --compressed\n"),
		"import", "curl", "--whole", "--output", "Caddyfile").tells(t, "wrote Caddyfile").hides(t, "k3y-of", "c00kie-of", "s3cr3t-of")
	text := a.read(t, "Caddyfile")
	for _, secret := range []string{"k3y-of", "c00kie-of", "s3cr3t-of"} {
		if strings.Contains(text, secret) {
			t.Errorf("a credential is in what was imported:\n%s", text)
		}
	}
	if !strings.Contains(text, "{secret.") {
		t.Errorf("there is no secret in what was imported:\n%s", text)
	}
	a.runs(t, 0, "check")
	if info, err := os.Stat(filepath.Join(a.dir, "Caddyfile")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the file is %v, %v", info, err)
	}
}
