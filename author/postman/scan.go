package postman

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/signpost-gateway/signpost/policy"
)

// byteOrderMark begins some UTF-8 files.
var byteOrderMark = []byte("\xef\xbb\xbf")

// measure tells what is wrong with the size of a document. It comes before
// decoding, since two bytes of JSON can become hundreds of bytes of memory. It
// reads every byte once, and does not ask whether they are JSON.
func measure(data []byte) error {
	if len(data) > MaxCollection {
		return fmt.Errorf("the file has %d bytes: at most %d can be read; export a folder of it", len(data), MaxCollection)
	}
	values, depth, quoted, escaped := 0, 0, false, false
	for _, c := range data {
		switch {
		case escaped:
			escaped = false
		case quoted:
			quoted, escaped = c != '"', c == '\\'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			values++
			depth++
		case c == ',':
			values++
		case c == '}' || c == ']':
			depth--
		}
		if depth > maxNesting {
			return fmt.Errorf("the file nests deeper than %d levels: this is no collection that Postman writes", maxNesting)
		}
	}
	if values > maxValues {
		return fmt.Errorf("the file has more than %d values: export a folder of it", maxValues)
	}
	return nil
}

// placed gives an error of decoding as a mistake with its line. All others stay as
// they are.
func placed(file string, data []byte, err error) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	at := min(max(int(syntax.Offset)-1, 0), len(data))
	line := 1 + bytes.Count(data[:at], []byte("\n"))
	column := at - bytes.LastIndexByte(data[:at], '\n')
	return policy.Mistake{
		Place: policy.Place{File: file, Line: line},
		Text:  fmt.Sprintf("column %d: expected a Postman collection in JSON: %v", column, syntax),
	}
}
