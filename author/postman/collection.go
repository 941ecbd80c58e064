package postman

import "encoding/json"

// collection is a document of the v2.1 schema, or of v2.0, as far as it matters
// here.
type collection struct {
	Info struct {
		Name        text   `json:"name"`
		Description text   `json:"description"`
		Schema      string `json:"schema"`
	} `json:"info"`
	Item     []item  `json:"item"`
	Auth     *auth   `json:"auth"`
	Variable []param `json:"variable"`
	Event    []event `json:"event"`

	// What other documents of Postman's have, and those that are taken for one.
	Requests   json.RawMessage `json:"requests"`   // of v1
	Values     json.RawMessage `json:"values"`     // of an environment
	OpenAPI    json.RawMessage `json:"openapi"`    // of an OpenAPI document
	Swagger    json.RawMessage `json:"swagger"`    // of its ancestor
	Collection *collection     `json:"collection"` // of an answer of Postman's API
}

// item is a request, or a folder: that has items. It decodes itself in no way of its
// own, since then a deep document would be read once for every level.
type item struct {
	Name        text       `json:"name"`
	Description text       `json:"description"`
	Item        *[]item    `json:"item"`
	Request     *request   `json:"request"`
	Response    []response `json:"response"`
	Auth        *auth      `json:"auth"`
	Variable    []param    `json:"variable"`
	Event       []event    `json:"event"`
}

// request is what is sent. As a text it is the address alone.
type request struct {
	Method      string  `json:"method"`
	URL         address `json:"url"`
	Header      headers `json:"header"`
	Body        *body   `json:"body"`
	Auth        *auth   `json:"auth"`
	Description text    `json:"description"`

	refused error // why it cannot become an operation
}

// address is a URL, as one text or in pieces. Raw is the whole of it where it is not
// empty; pieces tell more of query and path variables.
type address struct {
	Raw      text    `json:"raw"`
	Protocol text    `json:"protocol"`
	Host     pieces  `json:"host"`
	Port     text    `json:"port"`
	Path     pieces  `json:"path"`
	Query    []param `json:"query"`
	Variable []param `json:"variable"`
}

// param is a name with a value: of a query, a header, a form, a variable, or
// credentials.
type param struct {
	Key         text `json:"key"`
	ID          text `json:"id"` // what variables were named by in v2.0
	Value       text `json:"value"`
	Type        text `json:"type"`
	Description text `json:"description"`
	Disabled    bool `json:"disabled"`
}

// body is a request's.
type body struct {
	Mode       string          `json:"mode"`
	Raw        text            `json:"raw"`
	URLEncoded params          `json:"urlencoded"`
	FormData   params          `json:"formdata"`
	File       json.RawMessage `json:"file"`
	GraphQL    *struct {
		Query         text `json:"query"`
		Variables     text `json:"variables"`
		OperationName text `json:"operationName"`
	} `json:"graphql"`
	Options struct {
		Raw struct {
			Language string `json:"language"`
		} `json:"raw"`
	} `json:"options"`
	Disabled bool `json:"disabled"`
}

// response is a saved one.
type response struct {
	Name   text    `json:"name"`
	Code   text    `json:"code"`
	Header headers `json:"header"`
	Body   text    `json:"body"`
}

// auth is how a request, a folder or the collection says who it is. Kind is the
// name of the scheme, empty for one that is inherited.
type auth struct {
	Kind   string
	Params map[string]string
}

// event is a script.
type event struct {
	Disabled bool `json:"disabled"`
	Script   struct {
		Exec lines `json:"exec"`
	} `json:"script"`
}
