package openapi

import (
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// serverVariable is a variable of a server's address.
var serverVariable = regexp.MustCompile(`\{([^{}]+)\}`)

// base gives the base URL: the one that was asked for, else the document's.
func (d *document) base(doc *openapi3.T, o *Options) (string, error) {
	if err := d.knowVariables(doc, o); err != nil {
		return "", err
	}
	index, err := strconv.Atoi(o.Server)
	switch {
	case o.Server != "" && err != nil:
		return d.checkedBase(o.Server, "--server")
	case o.Server != "":
		if index < 0 || index >= len(doc.Servers) {
			return "", d.mistake(0, 0, "there is no server %d: the document has %d, counted from 0", index, len(doc.Servers))
		}
	case len(doc.Servers) == 0:
		return "", d.mistake(0, 0, "the document names no server: expected its address, --server https://api.example.com")
	default:
		index = max(0, slices.IndexFunc(doc.Servers, func(s *openapi3.Server) bool { return s != nil && strings.HasPrefix(s.URL, "https://") }))
	}
	if err := d.allowVariables(doc.Servers[index], o); err != nil {
		return "", err
	}
	filled := d.filled(doc.Servers[index], o)
	if strings.HasPrefix(filled, "//") {
		filled = "https:" + filled
	}
	if !strings.Contains(filled, "://") {
		return "", d.mistake(0, 0, "the document's server %s says no host: expected the whole address, --server https://api.example.com%s",
			quote(filled), "/"+strings.TrimLeft(printable(filled), "./"))
	}
	if len(doc.Servers) > 1 && o.Server == "" {
		d.told.add("The document has %d servers: %s was taken, --server takes another one.", len(doc.Servers), quote(filled))
	}
	return d.checkedBase(filled, "the document's server")
}

// checkedBase gives an address as a policy can have it.
func (d *document) checkedBase(address, whose string) (string, error) {
	// {tenant.NAME} stands in a host and is no part of a URL.
	u, err := url.Parse(tenantVariable.ReplaceAllString(address, "tenant"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", d.mistake(0, 0, "%s %s is no address: expected such as --server https://api.example.com/v2", whose, quote(address))
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || !holdablePattern(address) {
		return "", d.mistake(0, 0, "%s has a password, a query or something else that a base URL cannot have: expected such as --server https://api.example.com/v2", whose)
	}
	return strings.TrimRight(address, "/"), nil
}

// tenantVariable is what a policy fills in for each tenant.
var tenantVariable = regexp.MustCompile(`\{tenant\.[a-z][a-z0-9_]*\}`)

// filled gives a server's address with its variables: those of the options, else
// their defaults.
func (d *document) filled(s *openapi3.Server, o *Options) string {
	if s == nil {
		return ""
	}
	return serverVariable.ReplaceAllStringFunc(strings.TrimSpace(s.URL), func(found string) string {
		name := found[1 : len(found)-1]
		known := s.Variables[name]
		if v, given := o.Variables[name]; given {
			return v
		}
		if known == nil || known.Default == "" {
			d.told.add("The variable %s of the server has no default: expected --variable %s=…", name, name)
			return name
		}
		d.told.add("The variable %s of the server is %s, its default: --variable %s=… says otherwise.", name, quote(known.Default), name)
		return known.Default
	})
}

// knowVariables tests that the variables of the options are in an address of the
// document.
func (d *document) knowVariables(doc *openapi3.T, o *Options) error {
	names := make(map[string]bool)
	add := func(servers openapi3.Servers) {
		for _, s := range servers {
			if s == nil {
				continue
			}
			for _, found := range serverVariable.FindAllStringSubmatch(s.URL, -1) {
				names[found[1]] = true
			}
		}
	}
	add(doc.Servers)
	for _, item := range doc.Paths.Map() {
		add(item.Servers)
		for _, op := range item.Operations() {
			if op.Servers != nil {
				add(*op.Servers)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Variables)) {
		if !names[name] {
			all := orElse(cut(strings.Join(slices.Sorted(maps.Keys(names)), ", "), maxLine), "none")
			return d.mistake(0, 0, "no address of the document has a variable %s: it has %s", quote(name), printable(all))
		}
	}
	return nil
}

// allowVariables tests that the variables of the options have values that a server
// allows.
func (d *document) allowVariables(s *openapi3.Server, o *Options) error {
	if s == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(o.Variables)) {
		known := s.Variables[name]
		if v := o.Variables[name]; known != nil && len(known.Enum) > 0 && !slices.Contains(known.Enum, v) {
			return d.mistake(0, 0, "the variable %s of the server cannot be %s: expected one of %s", quote(name), quote(v), printable(strings.Join(first(known.Enum, maxEnum), ", ")))
		}
	}
	return nil
}

// isPrivateHost tells the hosts that the dial guard refuses but for allow_private. An
// address that is written itself is allowed as it is.
func isPrivateHost(base string) bool {
	u, err := url.Parse(base)
	if err != nil { // Such as {tenant.shop}.example, which is another host for each tenant.
		return false
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	private := func(end string) bool { return strings.HasSuffix(host, end) }
	return !strings.Contains(host, ".") || slices.ContainsFunc([]string{".local", ".localhost", ".internal"}, private)
}

// elsewhere tells that an operation has servers of its own, and that none of them
// is the policy's.
func (d *document) elsewhere(item *openapi3.PathItem, op *openapi3.Operation, base string, o *Options) (string, bool) {
	servers := item.Servers
	if op.Servers != nil {
		servers = *op.Servers
	}
	if len(servers) == 0 {
		return "", false
	}
	for _, s := range servers {
		if address := strings.TrimRight(d.filled(s, o), "/"); address == base || !strings.Contains(address, "//") {
			return "", false
		}
	}
	return d.filled(servers[0], o), true
}
