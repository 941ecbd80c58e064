package command

import (
	"context"
	"io"
	"net/http"

	"github.com/signpost-gateway/signpost/author/lint"
	"github.com/signpost-gateway/signpost/policy"
)

// Host is what the commands need of the server that they are part of.
type Host interface {
	// Load reads a configuration as the server does, but starts nothing. An empty
	// path is the Caddyfile in the working folder, "-" standard input; an empty
	// adapter is chosen by the file's name. A file that begins with a policy is
	// taken for what the global block would import. The error is policy.Mistakes
	// where the configuration is at fault, all that is wrong at once; what could be
	// read all the same is in Config then, which is nil where nothing could.
	Load(path, adapter string) (*Config, error)

	// Validate finds what only the server finds, short of starting: other apps and
	// files that are named. Secrets may be missing.
	Validate(c *Config) error

	// Open makes a gateway that really calls third parties, with the secrets of the
	// configuration. Its transport is wrapped, where wrap is not nil. close ends its
	// connections.
	Open(c *Config, wrap func(http.RoundTripper) http.RoundTripper) (g *policy.Gateway, close func(), err error)

	// Admin asks the admin endpoint of a running server: the one at address, else
	// the one that the configuration names (which may be nil), else Caddy's usual
	// one. The answer's body must be closed.
	Admin(ctx context.Context, address string, c *Config, method, uri string, body io.Reader) (*http.Response, error)
}

// Config is a configuration that was read.
type Config struct {
	// Path is the file, as it was named.
	Path string

	// Spec is what it says of policies, with places where it is a Caddyfile.
	Spec policy.Spec

	// TenantHeader is the header that names the tenant, empty where it is no header.
	TenantHeader string

	// Files are those that it is made of, with all that it imports.
	Files []string

	// Sites are those that serve policies or the console.
	Sites []lint.Site

	// Warnings are what the server says of the configuration, a line each.
	Warnings []string

	// JSON is the whole configuration as the server runs it; nil where it could not
	// be made.
	JSON []byte
}
