package secret

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	sharedPlaceholder = "secret."
	tenantPlaceholder = "tenant_secret."
	// maxTemplate bounds the text of a template, in bytes.
	maxTemplate = 16 << 10
	// maxRefs bounds the placeholders of a template. With it an expanded value is at most 1 MiB and 16 KiB.
	maxRefs = 16
)

// ErrControlCharacter is the error of a secret that cannot stand in a header, since a line break in it would begin
// another header. Tabs are allowed, as they are in RFC 9110, section 5.5.
var ErrControlCharacter = errors.New("the value holds a control character")

// Template is a text with references to secrets, such as "Bearer {secret.store_token}". It is immutable and safe for
// concurrent use, and holds no secret itself.
type Template struct {
	text []string // Around the references; always one more than refs.
	refs []Ref
}

// ParseTemplate parses a text in which {secret.NAME} and {tenant_secret.NAME} stand for secrets. Braces have no other
// use. The text is at most 16 KiB long, holds at most 16 placeholders, and no control characters but tabs.
func ParseTemplate(s string) (*Template, error) {
	if len(s) > maxTemplate {
		return nil, fmt.Errorf("the text is %d bytes long, at most %d are allowed", len(s), maxTemplate)
	}
	if i := controlCharacter(s); i >= 0 {
		return nil, fmt.Errorf("the text holds the control character %q at byte %d", s[i], i+1)
	}
	t := &Template{}
	for rest, at := s, 0; ; {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			t.text = append(t.text, rest)
			return t, nil
		}
		length := strings.IndexAny(rest[open+1:], "{}")
		if rest[open] == '}' || length < 0 || rest[open+1+length] == '{' {
			return nil, fmt.Errorf("lone %q at byte %d: braces may only stand around a placeholder, %s", rest[open], at+open+1, allowedPlaceholders)
		}
		ref, err := parseRef(rest[open+1 : open+1+length])
		if err != nil {
			return nil, fmt.Errorf("at byte %d: %w", at+open+1, err)
		}
		if len(t.refs) == maxRefs {
			return nil, fmt.Errorf("the text holds more than %d placeholders", maxRefs)
		}
		t.text = append(t.text, rest[:open])
		t.refs = append(t.refs, ref)
		at += open + length + 2
		rest = s[at:]
	}
}

const allowedPlaceholders = "{" + sharedPlaceholder + "NAME} or {" + tenantPlaceholder + "NAME}"

func parseRef(inside string) (Ref, error) {
	var ref Ref
	if name, ok := strings.CutPrefix(inside, tenantPlaceholder); ok {
		ref = Ref{Name: name, TenantOnly: true}
	} else if name, ok := strings.CutPrefix(inside, sharedPlaceholder); ok {
		ref = Ref{Name: name}
	} else {
		return Ref{}, fmt.Errorf("unknown placeholder {%s}: allowed are %s", inside, allowedPlaceholders)
	}
	if err := ParseName(ref.Name); err != nil {
		return Ref{}, fmt.Errorf("placeholder {%s}: %w", inside, err)
	}
	return ref, nil
}

// Refs returns the secrets that the template refers to, each once, in the order in which they first stand in it.
func (t *Template) Refs() []Ref {
	var refs []Ref
	for _, ref := range t.refs {
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// Expand puts the tenant's secrets, as they are now, into the template. It returns the whole value, and the secrets
// alone for a [Scrubber]. The errors are those of [Store.Resolve] and [ErrControlCharacter]; they name the secret.
func (t *Template) Expand(s *Store, tenant string) (value Secret, parts []Secret, err error) {
	if len(t.refs) == 0 {
		return New(t.text[0]), nil, nil
	}
	parts = make([]Secret, len(t.refs))
	length := len(t.text[len(t.refs)])
	for i, ref := range t.refs {
		part, err := s.Resolve(ref, tenant)
		if err != nil {
			return Secret{}, nil, err
		}
		exposed := part.Expose()
		if controlCharacter(exposed) >= 0 {
			return Secret{}, nil, fmt.Errorf("using %s: %w", ref, ErrControlCharacter)
		}
		parts[i] = part
		length += len(t.text[i]) + len(exposed)
	}
	if len(parts) == 1 && length == len(parts[0].Expose()) {
		return parts[0], parts, nil
	}
	var b strings.Builder
	b.Grow(length)
	for i, part := range parts {
		b.WriteString(t.text[i])
		b.WriteString(part.Expose())
	}
	b.WriteString(t.text[len(parts)])
	return New(b.String()), parts, nil
}

// controlCharacter returns where the first control character but a tab stands, or -1.
func controlCharacter(s string) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return i
		}
	}
	return -1
}
