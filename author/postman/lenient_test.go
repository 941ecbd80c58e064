package postman

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// operationOf is what a request becomes.
func operationOf(t *testing.T, request string) policy.OperationSpec {
	t.Helper()
	d := imported(t, collecting(asking("Order", request)), Options{})
	if len(d.Policy.Operations) != 1 {
		t.Fatalf("there are %d operations, want 1: %s", len(d.Policy.Operations), request)
	}
	return d.Policy.Operations[0]
}

func TestHoweverItIsWrittenARequestIsTheSame(t *testing.T) {
	const url = `"https://store.example/orders/:id?expand=lines"`
	want := operationOf(t, `{"method":"GET","url":`+url+`,"header":[{"key":"Accept","value":"text/csv"}]}`)
	for _, request := range []string{
		`{"url":{"raw":` + url + `},"header":"Accept: text/csv"}`,
		`{"method":"get","url":{"raw":` + url + `,"query":[{"key":"expand","value":"lines"}]},"header":"Accept: text/csv\r\n"}`,
		`{"method":"","url":{"protocol":"https","host":["store","example"],"path":["orders",":id"],"query":[{"key":"expand","value":"lines"}]},"header":[{"key":"accept","value":"text/csv"}]}`,
		`{"method":"GET","url":{"host":"store.example","path":"/orders/:id","query":[{"key":"expand","value":"lines"},{"key":"x","value":"1","disabled":true}]},"header":{"Accept":"text/csv"}}`,
		`{"method":"GET","url":{"host":["store.example"],"path":["orders",{"type":"any","value":":id"}],"query":[{"key":"expand","value":"lines","description":{"content":"more"}},{"key":null,"value":null}]},"header":[{"key":"Accept","value":"text/csv"},{"key":"Accept","value":"x","disabled":true},7,null]}`,
		`{"method":"GET","url":` + url + `,"header":[{"key":"Accept","value":"text/csv"}],"body":{"mode":"raw","raw":"gone","disabled":true}}`,
		`{"method":"GET","url":` + url + `,"header":[{"key":"Accept","value":"text/csv"},{"key":"Host","value":"x"},{"key":"Postman-Token","value":"y"},{"key":"Content-Length","value":"0"}],"body":{}}`,
		`{"method":"GET","url":` + url + `,"header":[{"key":"Accept","value":"text/csv","disabled":"no"}],"body":null,"auth":null}`,
	} {
		got := operationOf(t, request)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\nbecame %+v\nwant   %+v", request, got, want)
		}
	}
}

func TestARequestThatIsItsAddressAlone(t *testing.T) {
	got := operationOf(t, `"https://store.example/orders"`)
	if got.Method != "GET" || got.Template != "/orders" {
		t.Errorf("got %s %s, want GET /orders", got.Method, got.Template)
	}
}

func TestSegmentsOfAPath(t *testing.T) {
	tests := map[string]string{
		"/orders/:id":                          "/orders/{{id}}",
		"/orders/{{orderId}}":                  "/orders/{{order_id}}",
		"/orders/{{ orderId }}":                "/orders/{{order_id}}",
		"/orders/1001":                         "/orders/{{order_id}}",
		"/stores/7/orders/1001/":               "/stores/{{store_id}}/orders/{{order_id}}/",
		"/orders/{{$guid}}":                    "/orders/{{guid}}",
		"/o/{{id}}/p/{{id}}":                   "",
		"/orders/{{id}}.json":                  "",
		"/orders/latest":                       "/orders/latest",
		"/orders/caf%C3%A9 au lait":            "/orders/caf%C3%A9%20au%20lait",
		"/{{version}}/orders":                  "/orders", // Which has a value, and belongs to the base URL.
		"/{{shop}}/orders":                     "/{{shop}}/orders",
		"/files/{{kind}}-list":                 "/files/all-list",
		"":                                     "/",
		"/":                                    "/",
		"/a/../b":                              "",
		"/orders/:":                            "/orders/:",
		"/{{}}/x":                              "",
		"/categories/5f9f1b9b8b8b8b8b8b8b8b8b": "/categories/{{category_id}}",
	}
	for path, want := range tests {
		source := `{"info":{"name":"Store",` + schema + `},"variable":[{"key":"version","value":"v2"},{"key":"kind","value":"all"},{"key":"shop","value":"tea"}],"item":[` +
			asking("x", fmt.Sprintf(`{"url":%q}`, "https://store.example"+path)) + `]}`
		d, err := Import([]byte(source), Options{})
		got := ""
		if err == nil {
			got = d.Policy.Operations[0].Template
		}
		if got != want {
			t.Errorf("%q became %q, want %q (%v)", path, got, want, err)
		}
	}
}

func TestTheBaseURL(t *testing.T) {
	tests := map[string]struct {
		urls []string
		want string
	}{
		"of one request":              {[]string{"https://a.example/orders"}, "https://a.example"},
		"with a version":              {[]string{"https://a.example/api/v1/orders", "https://a.example/api/v1/tickets/1"}, "https://a.example/api/v1"},
		"with versions that differ":   {[]string{"https://a.example/api/v1/orders", "https://a.example/api/v2/tickets"}, "https://a.example/api"},
		"of a variable with a path":   {[]string{"{{baseUrl}}/orders", "{{baseUrl}}/tickets"}, "https://api.store.example/shop/tea"},
		"of a variable, and of none":  {[]string{"{{baseUrl}}/orders", "https://api.store.example/shop/other"}, "https://api.store.example"},
		"of variables in variables":   {[]string{"{{outer}}/orders"}, "https://api.store.example/shop/tea"},
		"of parts":                    {[]string{"{{proto}}://{{host}}:{{port}}/orders"}, "https://h.example:8443"},
		"without a scheme":            {[]string{"a.example/orders"}, "https://a.example"},
		"of an example":               {[]string{"{{tenant}}/orders", "{{tenant}}/tickets"}, "https://a.example/v1/accounts"},
		"of this machine, in short":   {[]string{"127.0.0.1:3000/x"}, "http://127.0.0.1:3000"},
		"in capitals":                 {[]string{"HTTPS://A.Example/orders"}, "https://a.example"},
		"of what most requests go to": {[]string{"https://b.example/x", "https://a.example/x", "https://a.example/y"}, "https://a.example"},
		"of an address":               {[]string{"http://127.0.0.1:3000/x"}, "http://127.0.0.1:3000"},
		"of this machine":             {[]string{"http://localhost:3000/x"}, "http://localhost:3000"},
		"with a server":               {[]string{"{{nowhere}}/orders"}, "https://given.example/v9"},
		"with a value":                {[]string{"{{given}}/orders"}, "https://value.example"},
	}
	for name, tt := range tests {
		options := Options{Server: "https://given.example/v9"}
		if name == "with a value" {
			options.Variables = map[string]string{"given": "https://value.example"}
		}
		items := ""
		for i, u := range tt.urls {
			if i > 0 {
				items += ","
			}
			items += asking(fmt.Sprint("r", i), fmt.Sprintf(`{"url":%q}`, u))
		}
		d := imported(t, `{"info":{"name":"Store",`+schema+`},"variable":[{"key":"baseUrl","value":"https://api.store.example/shop/tea/"},{"key":"outer","value":"{{baseUrl}}"},
			{"key":"proto","value":"https"},{"key":"host","value":"h.example"},{"key":"port","value":"8443"},{"key":"tenant","value":"https://a.example/v1/accounts/4711"}],"item":[`+items+`]}`,
			options)
		if d.Policy.BaseURL != tt.want {
			t.Errorf("the base URL %s is %s, want %s", name, d.Policy.BaseURL, tt.want)
		}
		if want := name == "of this machine"; d.Policy.AllowPrivate != want {
			t.Errorf("the base URL %s: allow_private is %v, want %v", name, d.Policy.AllowPrivate, want)
		}
	}
}

func TestAuthorizationIsInherited(t *testing.T) {
	bearer := func(name string) string {
		return `"auth":{"type":"bearer","bearer":[{"key":"token","value":"{{` + name + `}}"}]}`
	}
	get := func(name, more string) string {
		return asking(name, `{"url":"https://store.example/`+name+`"`+more+`}`)
	}
	tests := map[string]struct{ source, want string }{
		"the collection's":       {`{"info":{"name":"Store"},` + bearer("a") + `,"item":[` + get("x", "") + `]}`, "store_a"},
		"a folder's":             {`{"info":{"name":"Store"},` + bearer("a") + `,"item":[{"name":"f",` + bearer("b") + `,"item":[` + get("x", "") + `]}]}`, "store_b"},
		"its own":                {`{"info":{"name":"Store"},` + bearer("a") + `,"item":[{"name":"f",` + bearer("b") + `,"item":[` + get("x", ","+bearer("c")) + `]}]}`, "store_c"},
		"none":                   {`{"info":{"name":"Store"},` + bearer("a") + `,"item":[` + get("x", `,"auth":{"type":"noauth"}`) + `]}`, ""},
		"what most requests say": {`{"info":{"name":"Store"},` + bearer("a") + `,"item":[` + get("x", ","+bearer("c")) + "," + get("y", "") + "," + get("z", "") + `]}`, "store_a"},
	}
	for name, tt := range tests {
		d := imported(t, tt.source, Options{})
		got := ""
		if len(d.Secrets) > 0 {
			got = d.Secrets[0].Name
		}
		if got != tt.want || len(d.Secrets) > 1 || len(d.Secrets) != len(d.Policy.Inject) {
			t.Errorf("%s: the secrets are %+v, want %q alone", name, d.Secrets, tt.want)
		}
	}
}

func TestWaysToSayWhoOneIs(t *testing.T) {
	tests := map[string]policy.Inject{
		`"auth":{"type":"bearer","bearer":[]}`:                                                                               {As: "bearer", Value: "{secret.store_token}"},
		`"auth":{"type":"basic","basic":[{"key":"username","value":"{{user}}"}]}`:                                            {As: "basic", Name: "{secret.store_user}"},
		`"auth":{"type":"basic","basic":[]}`:                                                                                 {As: "basic", Name: "{secret.store_user}", Value: "{secret.store_password}"},
		`"auth":{"type":"apikey","apikey":[{"key":"in","value":"query"},{"key":"key","value":"appid"}]}`:                     {As: "query", Name: "appid", Value: "{secret.store_appid}"},
		`"auth":{"type":"apikey","apikey":[{"key":"key","value":"Authorization"},{"key":"value","value":"Bearer {{jwt}}"}]}`: {As: "bearer", Value: "{secret.store_jwt}"},
		`"auth":{"type":"oauth2","oauth2":[{"key":"accessToken","value":"x"}]}`:                                              {As: "bearer", Value: "{secret.store_access_token}"},
		`"auth":{"type":"oauth2","oauth2":[{"key":"addTokenTo","value":"queryParams"}]}`:                                     {As: "query", Name: "access_token", Value: "{secret.store_access_token}"},
		`"auth":{"type":"oauth2","oauth2":[{"key":"headerPrefix","value":"Token"}]}`:                                         {As: "header", Name: "Authorization", Value: "Token {secret.store_access_token}"},
		`"header":[{"key":"Authorization","value":"Bearer {{token}}"}]`:                                                      {As: "bearer", Value: "{secret.store_token}"},
		`"header":[{"key":"Authorization","value":"Token {{token}}"}]`:                                                       {As: "header", Name: "Authorization", Value: "Token {secret.store_token}"},
		`"header":[{"key":"x-api-key","value":""}]`:                                                                          {As: "header", Name: "X-Api-Key", Value: "{secret.store_api_key}"},
		`"header":[{"key":"Cookie","value":"sid=abc; theme=dark"}]`:                                                          {As: "header", Name: "Cookie", Value: "{secret.store_cookie}"},
		`"auth":{"type":"digest","digest":[{"key":"password","value":"abcdefghijk"}]}`:                                       {},
	}
	for request, want := range tests {
		d := imported(t, collecting(asking("x", `{"url":"https://store.example/x",`+request+`}`)), Options{})
		var got policy.Inject
		if len(d.Policy.Inject) > 0 {
			got = d.Policy.Inject[0]
		}
		if !reflect.DeepEqual(got, want) || len(d.Policy.Inject) > 1 {
			t.Errorf("%s\nbecame %+v\nwant   %+v", request, d.Policy.Inject, want)
		}
	}
}

func TestClientCredentialsGetTheirTokenByThemselves(t *testing.T) {
	d := imported(t, collecting(asking("x", `{"url":"https://store.example/x","auth":{"type":"oauth2","oauth2":[
		{"key":"grant_type","value":"client_credentials"},{"key":"accessTokenUrl","value":"https://login.store.example/token"},
		{"key":"clientId","value":"bot"},{"key":"clientSecret","value":"{{s}}"},{"key":"scope","value":"a b"},{"key":"client_authentication","value":"body"}]}}`)), Options{})
	want := policy.OAuth2{
		TokenURL: "https://login.store.example/token", ClientID: "{secret.store_client_id}", ClientSecret: "{secret.store_s}",
		Scopes: []string{"a", "b"}, Auth: "body",
	}
	if len(d.Policy.Inject) != 1 || d.Policy.Inject[0].OAuth2 == nil || !reflect.DeepEqual(*d.Policy.Inject[0].OAuth2, want) {
		t.Errorf("got %+v, want %+v", d.Policy.Inject, want)
	}
}

func TestNamesOfOperations(t *testing.T) {
	get := func(name, path string) string {
		return asking(name, `{"url":"https://store.example/`+path+`"}`)
	}
	d := imported(t, collecting(`{"name":"Orders","item":[`+get("List", "orders")+`,`+get("Read it!", "orders/1")+`]},`+
		`{"name":"Tickets","item":[`+get("List", "tickets")+`,`+get("List", "tickets/all")+`]},`+get("", "x")+`,`+get("List", "orders")), Options{})
	var got []string
	for _, o := range d.Policy.Operations {
		got = append(got, o.Name)
	}
	want := []string{"orders_list", "read_it", "tickets_list", "tickets_list_2", "operation"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the operations are %q, want %q, without the second GET /orders", got, want)
	}
}

func TestImportingTwiceGivesTheSame(t *testing.T) {
	source := string(file(t, "shop.json"))
	first, firstTests := printed(t, imported(t, source, Options{}))
	for range 20 {
		again, tests := printed(t, imported(t, source, Options{}))
		if again != first || tests != firstTests {
			t.Fatalf("importing again gave\n%s\nwant\n%s", again, first)
		}
	}
	if d := imported(t, source, Options{Name: "tea"}); d.Policy.Name != "tea" || d.Secrets[0] != (draft.Secret{Name: "tea_token", About: "the bearer token"}) {
		t.Errorf("with a name of its own the policy is %s with %+v", d.Policy.Name, d.Secrets)
	}
}
