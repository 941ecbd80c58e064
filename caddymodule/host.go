package caddymodule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/signpost-gateway/signpost/caddymodule/command"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// host is Caddy, for the commands below `caddy signpost`.
type host struct{}

// maxConfig bounds a configuration, in bytes. None that a person writes is as long.
const maxConfig = 64 << 20

// Load reads a configuration.
func (host) Load(path, adapter string) (*command.Config, error) {
	named := path != ""
	if !named {
		path = "Caddyfile"
	}
	text, err := readConfig(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil, errors.New("there is no Caddyfile here: name the configuration with --config")
	}
	if err != nil {
		return nil, err
	}
	c := &command.Config{Path: path}
	if adapter == "" && filepath.Ext(path) != ".json" {
		adapter = "caddyfile"
	}
	load := func() error { return loadJSON(c, text, adapter) }
	if adapter == "caddyfile" {
		load = func() error { return loadCaddyfile(c, text) }
	}
	err = load()
	c.Spec.TenantsFile = beside(path, c.Spec.TenantsFile)
	return c, err
}

// beside finds a file that a configuration names. The server looks from the folder
// that it runs in; commands may run elsewhere, and look beside the configuration then.
func beside(config, name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	if exists(name) {
		return name
	}
	if near := filepath.Join(filepath.Dir(config), name); exists(near) {
		return near
	}
	return name
}

// exists tells whether there is such a file.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// readConfig reads a file, or standard input.
func readConfig(path string) ([]byte, error) {
	from := io.Reader(os.Stdin)
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("reading the configuration: %w", err)
		}
		defer file.Close()
		from = file
	}
	text, err := io.ReadAll(io.LimitReader(from, maxConfig+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the configuration: %w", err)
	case len(text) > maxConfig:
		return nil, fmt.Errorf("reading the configuration: %s is longer than %s", path, policy.Size(maxConfig))
	}
	return text, nil
}

// loadCaddyfile reads the global block by itself, which keeps the places of all that
// is in it, and then has Caddy read the whole for what is wrong elsewhere.
func loadCaddyfile(c *command.Config, text []byte) error {
	name, text, err := wrapped(c.Path, text)
	if err != nil {
		return err
	}
	blocks, err := caddyfile.Parse(name, text)
	if err != nil {
		return policy.Mistakes{placed(err)}
	}
	c.Files = shorten(blocks)
	c.Sites = sitesOf(blocks)
	config, mistakes := globalOf(blocks, name != c.Path)
	if config != nil {
		c.Spec, c.TenantHeader = config.Spec, config.tenantHeader()
	}
	if len(mistakes) > 0 {
		return mistakes
	}
	if config == nil {
		return policy.Mistakes{{Place: policy.Place{File: c.Path, Line: 1}, Text: "no policies: expected `signpost { … }` in the global options"}}
	}
	return adapt(c, name, text, "caddyfile")
}

// wrapped makes a whole configuration of a file of policies, as another beside it
// would import it; all else stays as it is.
func wrapped(path string, text []byte) (name string, whole []byte, err error) {
	if !beginsWithPolicy(path, text) {
		return path, text, nil
	}
	if path == "-" {
		return "", nil, errors.New("policies alone are read from a file: expected a whole configuration on standard input")
	}
	imported, err := filepath.Abs(path)
	if err != nil {
		return "", nil, fmt.Errorf("finding the configuration: %w", err)
	}
	if strings.ContainsAny(imported, "\"\\\n*?[") {
		return "", nil, fmt.Errorf("the name of the file %q cannot be imported", imported)
	}
	return imported + " and what imports it", fmt.Appendf(nil, "{\n\t%s {\n\t\tsecrets env SIGNPOST_SECRET_\n\t\timport %q\n\t}\n}\n", directive, imported), nil
}

// beginsWithPolicy tells whether a file holds policies alone. What is wrong with one is
// said by whoever parses it.
func beginsWithPolicy(path string, text []byte) bool {
	tokens, err := caddyfile.Tokenize(text, path)
	return err == nil && len(tokens) > 0 && tokens[0].Text == "policy" && !tokens[0].Quoted()
}

// globalOf reads the global option; nil where there is none. Of what was made to import
// a file of policies, messages say nothing.
func globalOf(blocks []caddyfile.ServerBlock, made bool) (*Config, policy.Mistakes) {
	var config *Config
	var mistakes policy.Mistakes
	for _, block := range blocks {
		if len(block.Keys) > 0 {
			continue
		}
		for _, segment := range block.Segments {
			if segment.Directive() != directive || config != nil {
				continue // Caddy refuses a second one, and tells.
			}
			s := newScope()
			l := readSegment(caddyfile.NewDispenser(segment), s)
			config = readGlobal(s, l)
			s.check(policy.Check(&config.Spec))
			s.check(config.checkAlerts())
			if header := config.tenantHeader(); header != "" {
				s.check(config.sendsTenant(header))
			}
			if made {
				clear(s.chains)
			}
			if err := s.err(); err != nil {
				errors.As(err, &mistakes)
			}
		}
	}
	return config, mistakes
}

// adapt makes the server's own form of a configuration.
func adapt(c *command.Config, name string, text []byte, adapter string) error {
	by := caddyconfig.GetAdapter(adapter)
	if by == nil {
		return fmt.Errorf("there is no config adapter %q", adapter)
	}
	quiet.Store(true)
	defer quiet.Store(false)
	adapted, warnings, err := by.Adapt(text, map[string]any{"filename": name})
	if err != nil {
		return policy.Mistakes{placed(err)}
	}
	for _, w := range warnings {
		c.Warnings = append(c.Warnings, w.String())
	}
	c.JSON = adapted
	return nil
}

// Where Caddy's errors have a place: in front, behind, or after what they were about.
var places = []*regexp.Regexp{
	regexp.MustCompile(`(?s)^(?:parsing caddyfile tokens for '[^']*': )?(?P<file>[^:\n]+):(?P<line>\d+)(?::| -) (?P<text>.+)$`),
	regexp.MustCompile(`(?s)^(?P<text>.+?),? at (?P<file>[^:\n]+):(?P<line>\d+)(?: import chain.*)?$`),
}

// placed makes a mistake of an error of Caddy's, which has its place in its text.
func placed(err error) policy.Mistake {
	for _, form := range places {
		m := form.FindStringSubmatch(err.Error())
		if m == nil {
			continue
		}
		line, _ := strconv.Atoi(m[form.SubexpIndex("line")])
		file := shortPlace(policy.Place{File: m[form.SubexpIndex("file")]}).File
		return policy.Mistake{Place: policy.Place{File: file, Line: line}, Text: m[form.SubexpIndex("text")]}
	}
	return policy.Mistake{Text: err.Error()}
}

// loadJSON reads a configuration that is JSON, or becomes it by an adapter. It has no
// places.
func loadJSON(c *command.Config, text []byte, adapter string) error {
	if adapter != "" && adapter != "json" {
		if err := adapt(c, c.Path, text, adapter); err != nil {
			return err
		}
		text = c.JSON
	}
	var whole struct {
		Apps struct {
			Signpost *Config `json:"signpost"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		return fmt.Errorf("reading the configuration %s as JSON: %w", c.Path, err)
	}
	config := whole.Apps.Signpost
	if config == nil {
		return policy.Mistakes{{Text: "no policies: expected apps.signpost"}}
	}
	c.JSON, c.Spec, c.TenantHeader = text, config.Spec, config.tenantHeader()
	if mistakes := policy.Check(&c.Spec); len(mistakes) > 0 {
		return mistakes
	}
	return nil
}

// Validate has Caddy make all of a configuration, and drop it. What it would log goes
// nowhere, and no log file is opened.
func (host) Validate(c *command.Config) error {
	var config caddy.Config
	if err := json.Unmarshal(c.JSON, &config); err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	config.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{Level: "PANIC"}},
	}}
	return caddy.Validate(&config)
}

// Open makes a gateway for calls.
func (host) Open(c *command.Config, wrap func(http.RoundTripper) http.RoundTripper) (*policy.Gateway, func(), error) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	load := transportLoader(ctx)
	spec := c.Spec
	spec.State = nil // One call by hand counts for nobody.
	g, err := policy.New(spec, policy.Options{
		Transport: func(spec policy.PolicySpec, guard *dialguard.Guard) (http.RoundTripper, error) {
			base, err := load(spec, guard)
			if err != nil || wrap == nil {
				return base, err
			}
			return wrap(base), nil
		},
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return g, func() { g.Stop(); cancel() }, nil
}

// Admin asks the admin endpoint.
func (host) Admin(ctx context.Context, address string, c *command.Config, method, uri string, body io.Reader) (*http.Response, error) {
	address = strings.TrimSuffix(strings.TrimPrefix(address, "http://"), "/")
	if address == "" {
		var off bool
		if address, off = adminAddress(c); off {
			return nil, errors.New("the configuration turns the admin endpoint off (admin off): name that of the running gateway with --address")
		}
	}
	parsed, err := caddy.ParseNetworkAddress(address)
	if err != nil || parsed.PortRangeSize() > 1 {
		return nil, fmt.Errorf("%q is no address of an admin endpoint: expected such as localhost:2019 or unix//run/caddy.sock", address)
	}
	dialed, origin := parsed.JoinHostPort(0), "http://"+parsed.JoinHostPort(0)
	if parsed.IsUnixNetwork() {
		dialed, _, _ = strings.Cut(parsed.Host, "|") // What follows is the socket's mode.
		origin = "http://127.0.0.1"
	}
	req, err := http.NewRequestWithContext(ctx, method, origin+uri, body)
	if err != nil {
		return nil, fmt.Errorf("asking the admin endpoint: %w", err)
	}
	req.Header.Set("Origin", origin)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, parsed.Network, dialed)
		},
	}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no gateway answers at %s (name its admin endpoint with --address): %w", address, err)
	}
	return resp, nil
}

// adminAddress is where a configuration has its admin endpoint, and off tells that it
// has none.
func adminAddress(c *command.Config) (address string, off bool) {
	var config struct {
		Admin struct {
			Disabled bool   `json:"disabled"`
			Listen   string `json:"listen"`
		} `json:"admin"`
	}
	if c != nil && json.NewDecoder(bytes.NewReader(c.JSON)).Decode(&config) == nil && config.Admin.Listen != "" {
		return config.Admin.Listen, false
	}
	return caddy.DefaultAdminListen, config.Admin.Disabled
}
