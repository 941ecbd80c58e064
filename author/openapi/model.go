package openapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// unnamed is what a document is called in messages that has no name.
const unnamed = "document"

// read makes the tree of a document, and tests that it is an OpenAPI document.
func read(data []byte, o *Options) (*document, error) {
	d := &document{file: orElse(o.File, unnamed), source: bytes.TrimPrefix(data, []byte("\ufeff")), notes: newWarnings(), told: newWarnings()}
	if len(data) > MaxDocument {
		return nil, d.mistake(0, 0, "the document has more than %d MiB", MaxDocument>>20)
	}
	readAny := d.readYAML
	if text := bytes.TrimSpace(d.source); len(text) > 0 && text[0] == '{' {
		readAny = d.readJSON
	}
	if err := readAny(); err != nil {
		return nil, err
	}
	return d, d.isOpenAPI()
}

// isOpenAPI tests the version.
func (d *document) isOpenAPI() error {
	at := d.root.get("openapi")
	if at == nil && d.root.get("swagger") != nil {
		at = d.root.get("swagger")
		return d.mistake(at.line, 0, "the document is Swagger %s: expected OpenAPI 3; convert it first, as swagger2openapi or editor.swagger.io do", printable(at.text))
	}
	if at == nil || at.kind&(isText|isNumber) == 0 {
		return d.mistake(d.root.line, 0, "the document does not begin with a version of OpenAPI: expected such as openapi: 3.1.0")
	}
	if d.version() == "" {
		return d.mistake(at.line, 0, "the document is OpenAPI %s: expected 3.0, 3.1 or 3.2", printable(at.text))
	}
	return nil
}

// version gives the version as far as it matters: 3.0, 3.1 or 3.2.
func (d *document) version() string {
	for _, v := range []string{"3.0", "3.1", "3.2"} {
		if text := d.root.get("openapi").text; text == v || strings.HasPrefix(text, v+".") {
			return v
		}
	}
	if d.root.get("openapi").text == "3" {
		return "3.0"
	}
	return ""
}

// model reads the copy of a document that holds the chosen operations alone.
func (d *document) model(chosen []choice) (*openapi3.T, error) {
	source, err := d.copied(chosen)
	if err != nil {
		return nil, err
	}
	loader := openapi3.NewLoader()
	loader.ReadFromURIFunc = func(_ *openapi3.Loader, at *url.URL) ([]byte, error) {
		return nil, fmt.Errorf("reading %s: expected one document with all inside", printable(at.String()))
	}
	doc, err := loader.LoadFromData(source)
	if err != nil {
		return nil, d.mistake(0, 0, "reading the document: %s", printable(err.Error()))
	}
	d.validate(doc)
	return doc, nil
}

// validate warns where the document breaks the rules of the format. Many do, in
// details that do not matter here.
func (d *document) validate(doc *openapi3.T) {
	if d.components > maxValidated {
		return
	}
	err := doc.Validate(context.Background(), openapi3.EnableMultiError(), openapi3.DisableExamplesValidation(),
		openapi3.DisableSchemaPatternValidation(), openapi3.DisableSchemaDefaultsValidation())
	if err == nil {
		return
	}
	var several openapi3.MultiError
	if !errors.As(err, &several) || len(several) < 2 {
		d.told.add("The document breaks a rule of OpenAPI: %v.", err)
		return
	}
	d.told.add("The document breaks rules of OpenAPI, %d in all, the first one: %v.", len(several), several[0])
}
