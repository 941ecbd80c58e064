package caddymodule

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/signpost-gateway/signpost/author/lint"
	"github.com/signpost-gateway/signpost/policy"
)

// sitesOf gives the sites of a Caddyfile that serve policies or the console.
func sitesOf(blocks []caddyfile.ServerBlock) []lint.Site {
	var sites []lint.Site
	var everywhere []string // default_bind
	for _, block := range blocks {
		site := siteOf(block)
		if len(block.Keys) == 0 {
			everywhere = argumentsOf(block, "default_bind")
			continue
		}
		if len(site.Binds) == 0 {
			site.Binds = everywhere
		}
		if slices.ContainsFunc(site.Directives, func(d lint.Directive) bool { return d.Name == directive || d.Name == consoleDirective }) {
			sites = append(sites, site)
		}
	}
	return sites
}

// siteOf reads what is to know of a site from its words.
func siteOf(block caddyfile.ServerBlock) lint.Site {
	site := lint.Site{Binds: argumentsOf(block, "bind")}
	for i, key := range block.Keys {
		if i == 0 {
			site.Place = placeOf(key)
		}
		if host := hostOf(key.Text); host != "" {
			site.Hosts = append(site.Hosts, host)
		}
	}
	for _, segment := range block.Segments {
		for i := range segment {
			if startsLine(segment, i) {
				site.Directives = append(site.Directives, lint.Directive{Name: segment[i].Text, Place: placeOf(segment[i])})
			}
		}
	}
	return site
}

// startsLine tells whether a token is the first of its line, as only Caddy knows.
func startsLine(tokens []caddyfile.Token, i int) bool {
	if i == 0 {
		return true
	}
	pair := caddyfile.NewDispenser(tokens[i-1 : i+1])
	pair.Next()
	return pair.NextLine()
}

// argumentsOf gives the arguments of a directive of a block.
func argumentsOf(block caddyfile.ServerBlock, name string) []string {
	for _, segment := range block.Segments {
		if segment.Directive() != name {
			continue
		}
		var args []string
		for _, t := range segment[1:] {
			if t.Text == "{" {
				break
			}
			args = append(args, t.Text)
		}
		return args
	}
	return nil
}

// hostOf is the host of a site's address, empty where it has none.
func hostOf(address string) string {
	address = strings.TrimSuffix(strings.TrimSpace(address), ",")
	if !strings.Contains(address, "://") {
		address = "any://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		host, _, _ := net.SplitHostPort(address)
		return host
	}
	return u.Hostname()
}

// shortPlace writes a place below the working folder as whoever works there would.
func shortPlace(p policy.Place) policy.Place {
	here, err := os.Getwd()
	if err != nil || !filepath.IsAbs(p.File) {
		return p
	}
	if short, err := filepath.Rel(here, p.File); err == nil && filepath.IsLocal(short) {
		p.File = short
	}
	return p
}

// shorten writes the places of all words so, and gives the files that they come from.
// Caddy makes those of imported files absolute.
func shorten(blocks []caddyfile.ServerBlock) (files []string) {
	short := make(map[string]string)
	for _, block := range blocks {
		for _, segment := range append(block.Segments, block.Keys) {
			for i := range segment {
				t := &segment[i]
				if _, known := short[t.File]; !known {
					short[t.File] = shortPlace(policy.Place{File: t.File}).File
					files = append(files, short[t.File])
				}
				t.File = short[t.File]
			}
		}
	}
	return files
}
