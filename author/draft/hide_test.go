package draft

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

func TestACredentialInATextBecomesAVariable(t *testing.T) {
	for text, want := range map[string]string{
		"<a><password>XmlPw99999</password><user>ann</user></a>":                      "<a><password>{{password}}</password><user>ann</user></a>",
		"<wsse:Password Type=\"x#PasswordText\">\n p w </wsse:Password>":              "<wsse:Password Type=\"x#PasswordText\">\n {{password}}</wsse:Password>",
		"<apiKey><![CDATA[a<b]]></apiKey>":                                            "<apiKey><![CDATA[{{api_key}}]]></apiKey>",
		`<login user="ann" password="p w" token='x'/>`:                                `<login user="ann" password="{{password}}" token='{{token}}'/>`,
		"user=ann\npassword = hunter2\nclient_secret=a-b;x=1":                         "user=ann\npassword = {{password}}\nclient_secret={{client_secret}};x=1",
		`{"user":"ann","password":"a\"b",}`:                                           `{"user":"ann","password":"{{password}}",}`,
		`{"password": 1234, 'token': 'x'`:                                             `{"password": {{password}}, 'token': '{{token}}'`,
		"password: hunter2\nname: ann":                                                "password: {{password}}\nname: ann",
		"--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nhunter2\r\n": "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{{password}}\r\n",
		"the key is sk_live_abcdefghijklmnop1.":                                       "the key is {{token}}",
		"password=a&password=b":                                                       "password={{password}}&password={{password_2}}",
		"<password>{{pw}}</password>":                                                 "<password>{{pw}}</password>",
		"<password></password><Password/>":                                            "<password></password><Password/>",
		`<a xmlns:auth="http://a.example/auth"/>`:                                     `<a xmlns:auth="http://a.example/auth"/>`,
		"a,b\n1,2":                        "a,b\n1,2",
		"":                                "",
		strings.Repeat("password=a&", 65): "{{body}}",
	} {
		var names Names
		template, samples := HideInText(text, &names)
		if template != want {
			t.Errorf("%.200q became %.200q, want %q", text, template, want)
		}
		back := template
		for _, s := range samples {
			var value string
			if err := json.Unmarshal(s.Value, &value); err != nil || !s.Private || !s.Credential || s.Input.Type != "string" {
				t.Errorf("%.200q: the sample %+v, %v", text, s, err)
			}
			back = strings.ReplaceAll(back, "{{"+s.Input.Var+"}}", value)
		}
		if back != text {
			t.Errorf("%.200q: with its samples it is %.200q", text, back)
		}
	}
}

func FuzzHideInText(f *testing.F) {
	for _, s := range []string{"<password>x</password>", `password="x" token='`, "a=b&token=c", "; name=\"token\"\n\nx", "{{password=x}}", "sk_live_abcdefghijklmnop1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var names Names
		template, samples := HideInText(text, &names)
		if len(samples) == 0 && template != text {
			t.Fatalf("%q became %q without a sample", text, template)
		}
		var inputs []policy.InputSpec
		for _, s := range samples {
			inputs = append(inputs, s.Input)
			if !strings.Contains(template, "{{"+s.Input.Var+"}}") {
				t.Fatalf("%q became %q, without %s", text, template, s.Input.Var)
			}
		}
		if len(inputs) > 64 {
			t.Fatalf("%q has %d variables", text, len(inputs))
		}
	})
}

func TestATextOfADocumentThatStaysHoldsNoCredential(t *testing.T) {
	for document, want := range map[string]string{
		`{"query":"{ login(password: \"hunter2\") { a } }"}`:                         `{"query":{{query}}}`,
		`{"query":"query($password: String!) { login(password: $password) { a } }"}`: `{"query":"query($password: String!) \u007b login(password: $password) \u007b a \u007d \u007d"}`,
		`{"text":"a\n<password>hunter2</password>"}`:                                 `{"text":{{text}}}`,
	} {
		var names Names
		template, samples, err := JSONTemplate([]byte(document), &names)
		if err != nil || template != want || len(samples) > 0 && !(samples[0].Private && samples[0].Credential) {
			t.Errorf("%s became %s, %+v, %v; want %s", document, template, samples, err, want)
		}
		if strings.Contains(template, "hunter2") || (len(samples) == 0) != strings.Contains(document, "$password") {
			t.Errorf("%s became %s with %d samples", document, template, len(samples))
		}
	}
}
