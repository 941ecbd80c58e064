package docs_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/signpost-gateway/signpost"
	"github.com/signpost-gateway/signpost/caddymodule"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// fence finds the fenced blocks of a page: what stands behind the fence, and
// the text.
var fence = regexp.MustCompile("(?ms)^```([^\n`]*)\n(.*?)^```$")

// block is one fenced block.
type block struct{ kind, text string }

// blocks gives the fenced blocks of a text in order.
func blocks(page string) []block {
	var all []block
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		all = append(all, block{m[1], m[2]})
	}
	return all
}

// read gives a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// reference gives the page that most tests are about.
func reference(t *testing.T) string {
	t.Helper()
	return read(t, "docs/reference.md")
}

// section gives what stands below a heading, up to the next heading.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	for _, part := range regexp.MustCompile(`(?m)^##+ `).Split(page, -1)[1:] {
		if title, text, _ := strings.Cut(part, "\n"); title == heading {
			return text
		}
	}
	t.Fatalf("there is no heading %q", heading)
	return ""
}

// adapt turns a Caddyfile into JSON, as `caddy adapt` does.
func adapt(source string) ([]byte, []caddyconfig.Warning, error) {
	return caddyconfig.GetAdapter("caddyfile").Adapt([]byte(source), map[string]any{"filename": "Caddyfile"})
}

// whole makes a file of a snippet that shows a policy alone.
func whole(snippet string) string {
	if !strings.HasPrefix(snippet, "policy ") {
		return snippet
	}
	indented := "\t\t" + strings.ReplaceAll(strings.TrimSpace(snippet), "\n", "\n\t\t")
	return "{\n\tsignpost {\n" + indented + "\n\t}\n}\n"
}

func TestEveryCaddyfileOfThePagesAdaptsAndIsFormatted(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, page := range pages {
		pages[i] = filepath.Join("docs", page)
	}
	for _, page := range append(pages, "README.md") {
		found := 0
		for _, b := range blocks(read(t, page)) {
			kind, how, _ := strings.Cut(b.kind, " ")
			if kind != "caddyfile" || how == "mistakes" {
				continue
			}
			found++
			file := whole(b.text)
			if _, warnings, err := adapt(file); err != nil || len(warnings) > 0 {
				t.Errorf("%s: %v %v\n%s", page, err, warnings, file)
			}
			if formatted := string(caddyfile.Format([]byte(file))); formatted != file {
				t.Errorf("%s: caddy fmt makes this of a Caddyfile:\n%s", page, formatted)
			}
		}
		if page == "README.md" && found == 0 {
			t.Error("README.md shows no Caddyfile: is it fenced as ```caddyfile?")
		}
	}
}

func TestCaddyfileAndJSONOfTheReferenceSayTheSame(t *testing.T) {
	shown := blocks(section(t, reference(t), "JSON"))
	if len(shown) != 2 || shown[0].kind != "caddyfile" || shown[1].kind != "json" {
		t.Fatalf("the section has %d blocks, want a Caddyfile and its JSON", len(shown))
	}
	adapted, _, err := adapt(shown[0].text)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(adapted, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(shown[1].text), &want); err != nil {
		t.Fatalf("reading the JSON of the page: %v", err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the Caddyfile becomes\n%s\nand the page says\n%s", adapted, shown[1].text)
	}
}

func TestTheJSONOfTheReferenceIsReadAndWrittenWithoutLoss(t *testing.T) {
	var page struct {
		Apps struct{ Signpost json.RawMessage }
	}
	if err := json.Unmarshal([]byte(blocks(section(t, reference(t), "JSON"))[1].text), &page); err != nil {
		t.Fatal(err)
	}
	var config caddymodule.Config
	strict := json.NewDecoder(bytes.NewReader(page.Apps.Signpost))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&config); err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(written, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(page.Apps.Signpost, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read and written again the JSON is\n%s\nwant\n%s", written, page.Apps.Signpost)
	}
}

func TestTheMistakesOfTheReferenceAreWhatIsSaid(t *testing.T) {
	shown := blocks(section(t, reference(t), "Mistakes"))
	if len(shown) != 2 || shown[0].kind != "caddyfile mistakes" || shown[1].kind != "text" {
		t.Fatalf("the section has %d blocks, want a Caddyfile with mistakes and what is said", len(shown))
	}
	_, _, err := adapt(shown[0].text)
	if err == nil {
		t.Fatal("the Caddyfile with mistakes adapts")
	}
	if got, want := err.Error(), strings.TrimSpace(shown[1].text); got != want {
		t.Errorf("the mistakes are\n%s\nand the page says\n%s", got, want)
	}
}

// heading finds the headings of a page: their level, and their text.
var heading = regexp.MustCompile(`(?m)^(##+) (.+)$`)

// anchor makes the fragment of a heading, as GitHub does.
func anchor(heading string) string {
	return strings.ReplaceAll(strings.ToLower(heading), " ", "-")
}

// anchors gives the fragments of all headings of a page.
func anchors(page string) map[string]bool {
	known := make(map[string]bool)
	for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		known[anchor(h[2])] = true
	}
	return known
}

func TestTheContentsNameEveryHeadingAndLinksLeadSomewhere(t *testing.T) {
	known := make(map[string]map[string]bool) // by page
	for _, name := range []string{"reference.md", "commands.md", "shared-state.md"} {
		page := fence.ReplaceAllString(read(t, "docs/"+name), "")
		contents, _, _ := strings.Cut(page, "\n## ")
		for _, h := range heading.FindAllStringSubmatch(page, -1) {
			if h[1] == "##" && !strings.Contains(contents, "["+h[2]+"](#"+anchor(h[2])+")") {
				t.Errorf("%s: the contents lack %q", name, h[2])
			}
		}
		for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(page, -1) {
			if strings.HasPrefix(link[1], "https://") {
				continue
			}
			target, fragment, _ := strings.Cut(link[1], "#")
			if target == "" {
				target = name
			}
			if known[target] == nil {
				text, err := os.ReadFile(target)
				if err != nil {
					t.Errorf("%s: the link %s leads nowhere: %v", name, link[1], err)
				}
				known[target] = anchors(string(text))
			}
			if fragment != "" && !known[target][fragment] {
				t.Errorf("%s: the link %s leads to no heading", name, link[1])
			}
		}
	}
}

func TestEachRowOfATableHasAsManyCellsAsItsHead(t *testing.T) {
	bar := regexp.MustCompile(`(^|[^\\])\|`) // An escaped one is text.
	head := 0
	page := fence.ReplaceAllString(reference(t)+"\n"+read(t, "docs/commands.md")+"\n"+read(t, "docs/shared-state.md"), "")
	for line := range strings.Lines(page) {
		cells := len(bar.FindAllString(line, -1))
		switch {
		case !strings.HasPrefix(line, "|"):
			head = 0
		case head == 0:
			head = cells
		case cells != head:
			t.Errorf("%d bars, want %d: %s", cells, head, line)
		}
	}
}

// gatewayOf compiles a Caddyfile of a page. What would leave goes to transport.
func gatewayOf(t *testing.T, source string, transport http.RoundTripper) *policy.Gateway {
	t.Helper()
	adapted, _, err := adapt(source)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Apps struct{ Signpost caddymodule.Config }
	}
	if err := json.Unmarshal(adapted, &file); err != nil {
		t.Fatal(err)
	}
	g, err := policy.New(file.Apps.Signpost.Spec, policy.Options{
		Transport: func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) { return transport, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestTheNamedCallsOfTheReferenceSendWhatItSays(t *testing.T) {
	t.Setenv("SIGNPOST_SECRET_STORE_TOKEN", "a-token-of-the-store")
	text := section(t, reference(t), "Named calls")
	var sent string
	g := gatewayOf(t, blocks(text)[0].text, answering(func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
		}
		sent = strings.TrimSpace(r.Method + " " + r.URL.RequestURI() + " " + string(body))
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}))
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct{ operation, query, kind, body, shown, want string }{
		{"order_status", "", "application/json", `{"order_number": 1001, "lang": "de"}`, `{"order_number": 1001, "lang": "de"}`, "GET /v2/orders/1001?lang=de"},
		{"order_status", "", form, "order_number=1001&lang=de", "-d order_number=1001 -d lang=de", "GET /v2/orders/1001?lang=de"},
		{"order_status", "order_number=1001&lang=de", "", "", "", "GET /v2/orders/1001?lang=de"},
		{
			"complain", "", "application/json", `{"order_number": "7", "text": "\"Broken\""}`, `{"order_number": "7", "text": "\"Broken\""}`,
			`POST /v2/orders/7/complaints {"text": "From the bot: \"Broken\"", "amount": 0, "tags": []}`,
		},
	} {
		sent = ""
		method := http.MethodPost
		if c.body == "" {
			method = http.MethodGet
		}
		req, err := http.NewRequestWithContext(t.Context(), method, "http://signpost/call/store/"+c.operation+"?"+c.query, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.kind)
		resp := g.Answer(req, &policy.Call{Policy: "store", Operation: c.operation})
		resp.Body.Close()
		if sent != c.want {
			t.Errorf("%s of %q%q sends\n%s\nwant\n%s\nand is answered with %v", c.operation, c.query, c.body, sent, c.want, resp.Header)
		}
		for _, shown := range []string{c.query, c.shown, strings.TrimPrefix(c.want, "POST /v2/orders/7/complaints ")} {
			if !strings.Contains(text, shown) {
				t.Errorf("the page does not show %q", shown)
			}
		}
	}
}
