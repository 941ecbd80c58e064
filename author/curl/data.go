package curl

import (
	"net/url"
	"strings"
)

// datum is one piece of data, and how it is joined to those before.
type datum struct {
	word
	json bool // as it is, without an & before it
}

// source says how an option writes its data.
type source int

const (
	fromText    source = iota // -d: as it is, or a file
	fromRaw                   // --data-raw: as it is
	fromEncoded               // --data-urlencode: a name, and a value to encode
	fromJSON                  // --json: as it is, or a file
)

// data makes what an option does that brings a piece of the body.
func data(from source) func(*request, word) error {
	return func(r *request, w word) error {
		if from != fromRaw && isFile(w.text, from) {
			return w.wrong(noFile)
		}
		if from == fromEncoded {
			w = w.part(encodedValue(w.text))
		}
		r.data = append(r.data, datum{w, from == fromJSON})
		return nil
	}
}

// addQuery takes a piece of the query: as --data-urlencode writes one, and behind a
// plus sign as it is.
func (r *request) addQuery(w word) error {
	asIs, is := strings.CutPrefix(w.text, "+")
	switch {
	case is:
		w = w.part(asIs)
	case isFile(w.text, fromEncoded):
		return w.wrong(noFile)
	default:
		w = w.part(encodedValue(w.text))
	}
	r.urlQuery = append(r.urlQuery, w)
	return nil
}

// isFile tells whether curl would read a file: @name, and behind the name of a value
// that is to be encoded.
func isFile(s string, from source) bool {
	if from != fromEncoded {
		return strings.HasPrefix(s, "@")
	}
	i := strings.IndexAny(s, "=@")
	return i >= 0 && s[i] == '@' && !strings.Contains(s[i:], "=") || strings.HasPrefix(s, "@")
}

// encodedValue encodes what stands behind the equals sign, or all where there is none.
// Variables of the shell stay as they are.
func encodedValue(s string) string {
	name, value, found := strings.Cut(s, "=")
	if !found {
		name, value = "", s
	}
	encoded := strings.ReplaceAll(url.QueryEscape(value), url.QueryEscape(mark), mark)
	if name == "" {
		return encoded
	}
	return name + "=" + encoded
}

// hasData tells whether there is a body, or what becomes a query.
func (r *request) hasData() bool { return len(r.data) > 0 }

// isJSON tells whether the data came as --json, which sets headers as well.
func (r *request) isJSON() bool { return r.hasData() && r.data[0].json }

// joined is all data in one.
func (r *request) joined() word {
	var all word
	for i, d := range r.data {
		switch {
		case i == 0:
			all = d.word
		case d.json:
			all.text += d.text
		default:
			all.text += "&" + d.text
		}
	}
	return all
}

// pair is a name and a value of a query or a form, decoded.
type pair struct {
	name  string
	value word
}

// pairs splits a query or a form. A piece that cannot be decoded is an error.
func pairs(w word) ([]pair, error) {
	var list []pair
	for piece := range strings.SplitSeq(w.text, "&") {
		if piece == "" {
			continue
		}
		name, value, _ := strings.Cut(piece, "=")
		plainName, err := url.QueryUnescape(name)
		plainValue, fault := url.QueryUnescape(value)
		if err != nil || fault != nil {
			return nil, w.wrong("a percent sign without two hexadecimal digits: write it as %%25")
		}
		if strings.Contains(plainName, mark) {
			return nil, w.part(plainName).plain()
		}
		list = append(list, pair{plainName, w.part(plainValue)})
	}
	return list, nil
}
