package openapi

import (
	"net/url"
	"strconv"
	"strings"
)

// maxHops bounds how many references may follow one another.
const maxHops = 32

// target follows a value that is a reference to what it stands for; every other
// value stands for itself. A reference that leads nowhere is noted, and nil.
func (c *copier) target(v *value) *value {
	for range maxHops {
		ref := v.get("$ref")
		if ref == nil || ref.kind != isText {
			return v
		}
		if v = c.pointed(ref); v == nil {
			return nil
		}
	}
	c.wrong(v, "the reference refers to itself: expected one that leads to something")
	return nil
}

// pointed gives what one reference points to.
func (c *copier) pointed(ref *value) *value {
	pointer, local := strings.CutPrefix(ref.text, "#")
	if !local {
		c.wrong(ref, "the reference %s leads out of the document: expected one document with all inside, as a bundler of OpenAPI documents makes it", quote(ref.text))
		return nil
	}
	decoded, err := url.PathUnescape(pointer)
	if err != nil || decoded != "" && decoded[0] != '/' {
		c.wrong(ref, "the reference %s is no place of the document: expected such as #/components/schemas/Order", quote(ref.text))
		return nil
	}
	v := c.local(decoded)
	if v == nil {
		c.wrong(ref, "the reference %s leads to nothing in the document", quote(ref.text))
	}
	return v
}

// local gives what a JSON pointer leads to (RFC 6901), nil where that is nothing.
func (d *document) local(pointer string) *value {
	v := d.root
	for i, token := range strings.Split(pointer, "/") {
		if i == 0 {
			continue // What stands before the first slash.
		}
		if v = child(v, strings.NewReplacer("~1", "/", "~0", "~").Replace(token)); v == nil {
			return nil
		}
	}
	return v
}

// child is what one step of a pointer leads to.
func child(v *value, token string) *value {
	if v.kind != isList {
		return v.get(token)
	}
	if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(v.items) {
		return v.items[i]
	}
	return nil
}
