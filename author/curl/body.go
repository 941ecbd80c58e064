package curl

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// Media types that operations send by themselves.
const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
	typeText = "text/plain; charset=utf-8"
)

// takeBody makes the body that an operation sends.
func (t *taking) takeBody() error {
	r := t.request
	if !r.hasData() || r.get {
		return t.lonelyType()
	}
	if r.isJSON() && !r.accepts() {
		t.setHeader("Accept", typeJSON)
	}
	body := r.joined()
	if err := body.plain(); err != nil {
		return err
	}
	kind := r.bodyType()
	if strings.Contains(kind, mark) {
		return r.url.part(kind).plain()
	}
	media, _, _ := strings.Cut(strings.ToLower(kind), ";")
	media = strings.TrimSpace(media)
	looksJSON := json.Valid([]byte(body.text)) && strings.IndexAny(strings.TrimSpace(body.text), "{[") == 0
	switch {
	case body.text == "":
		return nil
	case media == typeJSON || strings.HasSuffix(media, "+json") || looksJSON:
		return t.jsonBody(body, kind, media)
	case media == typeForm && strings.Contains(body.text, "="):
		return t.formBody(body)
	}
	return t.textBody(body, kind)
}

// bodyType is the Content-Type that curl sends with the data.
func (r *request) bodyType() string {
	if r.isJSON() {
		return cmp.Or(r.contentType(), typeJSON)
	}
	return cmp.Or(r.contentType(), typeForm)
}

// lonelyType keeps a Content-Type where there is no body for it: some third parties
// look at it all the same.
func (t *taking) lonelyType() error {
	if written := t.request.contentType(); written != "" {
		return t.fixedHeader("Content-Type", t.request.url.part(written))
	}
	return nil
}

// jsonBody makes a template of a JSON document.
func (t *taking) jsonBody(body word, kind, media string) error {
	template, samples, err := draft.JSONTemplate([]byte(body.text), &t.names)
	if err != nil {
		t.request.warn("the body is called JSON, and is none that can be read: it stays as it is")
		return t.textBody(body, kind)
	}
	if media != typeJSON {
		t.setHeader("Content-Type", kind)
		if media == typeForm {
			t.request.warn("a Content-Type of JSON: curl calls the body a form where -d is used, and so does the policy; drop that header where the third party wants application/json")
		}
	}
	for _, s := range samples {
		var text string
		if json.Unmarshal(s.Value, &text) != nil {
			text = string(s.Value)
		}
		t.warnOfCredential(s.Input.Var, s.Credential)
		t.note(s.Input.Var, text, s.Value, s.Private)
		t.operation.Inputs = append(t.operation.Inputs, s.Input)
	}
	t.operation.Body = &policy.BodySpec{As: "json", Template: template}
	return nil
}

// formBody makes fields of a form.
func (t *taking) formBody(body word) error {
	fields, err := pairs(body)
	if err != nil {
		return err
	}
	form := &policy.BodySpec{As: "form"}
	for _, f := range fields {
		if f.name == "" || strings.Contains(f.name, "{{") {
			return f.value.wrong("a form field without a name, or with {{ in it, which stands for a variable")
		}
		value := f.value.text
		if value != "" && f.name != "grant_type" {
			private := draft.IsPrivate(f.name) || policy.IsPrivateName(f.name)
			variable := t.variable(draft.Word(f.name), value, private)
			t.warnOfCredential(variable, private)
			value = "{{" + variable + "}}"
		}
		form.Form = append(form.Form, policy.Field{Name: f.name, Value: value})
	}
	t.operation.Body = form
	return nil
}

// textBody keeps a body that is neither JSON nor a form, but for credentials in it.
func (t *taking) textBody(body word, kind string) error {
	if kind != typeText {
		t.setHeader("Content-Type", kind)
	}
	template, samples := draft.HideInText(body.text, &t.names)
	if len(samples) == 0 {
		template = t.literal("body", body.text)
	} else if strings.Contains(body.text, "{{") || t.hides(template) {
		t.warnOfCredential("body", true) // Which no template can hold.
		template = "{{" + t.variable("body", body.text, true) + "}}"
		samples = nil
	}
	for _, s := range samples {
		var text string
		if err := json.Unmarshal(s.Value, &text); err != nil {
			return body.wrong("a value of the body that cannot be read")
		}
		t.warnOfCredential(s.Input.Var, true)
		t.note(s.Input.Var, text, s.Value, true)
		t.operation.Inputs = append(t.operation.Inputs, s.Input)
	}
	t.operation.Body = &policy.BodySpec{As: "text", Template: template}
	return nil
}

// warnOfCredential says that a body cannot have credentials injected.
func (t *taking) warnOfCredential(variable string, private bool) {
	if private {
		t.warnOfPart(variable, "body")
	}
}
