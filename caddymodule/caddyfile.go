package caddymodule

import (
	"encoding/json"
	"strings"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"go.uber.org/zap"

	"github.com/signpost-gateway/signpost/policy"
)

// directive is the word that Signpost has in a Caddyfile, as a global option, as a directive
// and as the key of its app.
const directive = "signpost"

func init() {
	httpcaddyfile.RegisterGlobalOption(directive, parseOption)
	httpcaddyfile.RegisterHandlerDirective(directive, parseDirective)
	httpcaddyfile.RegisterDirectiveOrder(directive, httpcaddyfile.Before, "reverse_proxy")
}

// quiet is set while a command reads a configuration of which it says itself what is
// to be said.
var quiet atomic.Bool

// parseOption makes the app's configuration of the global option. It is by
// value since Caddy looks for that type alone.
func parseOption(d *caddyfile.Dispenser, existing any) (any, error) {
	if first, again := existing.(httpcaddyfile.App); again {
		return nil, secondOption(d, first)
	}
	config, err := parseGlobal(d)
	if err != nil {
		return nil, oneALine(err)
	}
	if !quiet.Load() {
		warnOfSecrets(&config.Spec)
	}
	value, err := json.Marshal(config)
	if err != nil {
		return nil, d.WrapErr(err)
	}
	return httpcaddyfile.App{Name: directive, Value: value}, nil
}

// warnOfSecrets tells of secrets that are not there. Whoever adapts a configuration
// need not have them.
func warnOfSecrets(spec *policy.Spec) {
	if missing := policy.MissingSecrets(spec); missing != nil {
		caddy.Log().Named(directive).Warn("the configuration does not start while its secrets are not there, or are not good", zap.Error(missing))
	}
}

// secondOption refuses a second block. Caddy keeps no place of the first, so
// it is told by the policies it declares.
func secondOption(d *caddyfile.Dispenser, first httpcaddyfile.App) error {
	s := newScope()
	l := readSegment(d, s)
	declared := "no policies"
	if names := policyNames(first); len(names) > 0 {
		declared = "the policies " + strings.Join(names, ", ")
	}
	s.in(directive).wrong(l.place, "a second block in the global options: the first declares %s; write one block, and import its parts there", declared)
	return s.err()
}

// policyNames gives the names of the policies that an adapted option declares.
func policyNames(option any) []string {
	app, found := option.(httpcaddyfile.App)
	if !found {
		return nil
	}
	var config Config
	if json.Unmarshal(app.Value, &config) != nil {
		return nil
	}
	var names []string
	for _, p := range config.Policies {
		names = append(names, p.Name)
	}
	return names
}

// parseGlobal reads the global option. Its error is policy.Mistakes: all that
// is wrong with the block, in the order of lines. Syntax:
//
//	signpost {
//	    # whose call it is; default: header X-Tenant-ID
//	    tenant header <Name> | <placeholder>
//	    tenant_required
//	    known_tenants_only
//
//	    # limits of a tenant over all policies together; repeatable
//	    plan <name> {
//	        rate_limit  <n>/<window> [shared] | off
//	        concurrency <n> [shared]
//	        timeout     <duration>
//	        tenants     <name...>
//	    }
//	    tenants_file <path>
//
//	    # where {secret.NAME} is looked up, in order; repeatable
//	    secrets env <PREFIX>
//	    secrets dir <path>
//	    secrets age <file> <identity-file>
//
//	    # where limits, breakers and stale answers live; default: memory
//	    state memory
//	    state redis <url> {
//	        fail              local|closed
//	        user              <name>
//	        password          <password>
//	        sentinel          <master>
//	        sentinel_user     <name>
//	        sentinel_password <password>
//	        ca                <file>
//	        certificate       <certificate-file> <key-file>
//	        prefix            <name>
//	        timeout           <duration>
//	        connections       <n>
//	        leases
//	        max_tenants       <n>
//	        max_stale         <size>
//	    }
//
//	    # export of spans
//	    trace {
//	        endpoint <url>
//	        sample   <p>%
//	        keep     [failed] [slow <duration>]
//	        ui       <url>
//	    }
//
//	    # who is told that calls fail
//	    alerts {
//	        smtp <host:port> {
//	            # required
//	            from     <address>
//
//	            username <name>
//	            password <password>
//	        }
//	        webhook <url>
//	    }
//
//	    # ceiling of every deadline; default and upper bound: 60s
//	    max_timeout <duration>
//
//	    # the third-party APIs; repeatable
//	    policy <name> <base-url> {
//	        # what only a policy says
//	        methods     <METHOD...>
//	        concurrency <n> [shared]
//	        operations_only
//	        inject      header|query <name> <value>
//	        inject      bearer <value>
//	        inject      basic <user> <value>
//	        inject jwt {
//	            # required
//	            key    <secret>
//	            alg    RS256|ES256|EdDSA|HS256
//
//	            kid    <id>
//	            claim  <name> <json>
//	            ttl    <duration>
//	            as     header <Name> | bearer
//	        }
//	        inject oauth2 {
//	            # required
//	            token_url      <url>
//	            client_id      <value>
//	            client_secret  <value>
//
//	            scopes         <scope...>
//	            auth           header|body
//	            param          <name> <value>
//	        }
//	        record      <n> [bodies <size>] [redact <jsonpath...>]
//	        alert       <address...>
//	        propagate   trace
//	        allow_private
//	        transport {
//	            <subdirectives of reverse_proxy's transport http>
//	        }
//
//	        # rules: what an operation may say again
//	        title       <text>
//	        rate_limit  <n>/<window> [shared] | off
//	        timeout     <duration>
//	        retry <n> {
//	            on      <expr>
//	            methods <METHOD...>
//	            backoff <min> <max>
//	        }
//	        strip       header <name...>
//	        breaker [<p>% of <n> in <duration> | <n> consecutive | off] {
//	            open    <duration>
//	            probes  <n>
//	            slow    <duration>
//	        }
//	        fallback [<expr>] {
//	            stale   <duration>
//	            respond <status> [[<type>] <body>]
//	            route   <route>
//	            next    continue|stop
//	        }
//	        next        continue|stop
//	        success     <expr>
//	        extract     <var> <jsonpath> [default <json>] [required]
//	        hint        <route> <expr>
//	        otherwise   <route>
//	        reply       headers | envelope [<size>]
//	        peek        <size>
//	        drift       watch|off
//
//	        # one method and path template with rules of its own; repeatable
//	        operation <name> <METHOD> <template> {
//	            <rules>
//
//	            # variables of a named call; what a template reads and no input
//	            # declares is required; repeatable
//	            input   <var> [string|number|bool|json] [default <json>]
//	                    [matches <regexp>] [in <value...>]
//
//	            # what a named call sends; query and header are repeatable
//	            query   <name> <template>
//	            header  <name> <template>
//
//	            # its body, one of these
//	            json    <template>
//	            text    <template>
//	            form {
//	                <name> <template>
//	            }
//	        }
//	    }
//	}
//
// An expression is one quoted or backticked argument, or the rest of the line.
// A default in double quotes is a string; in backticks or bare it is JSON. A
// claim is the same, but bare text is a string where it is not JSON. What holds
// {{ stands in quotes, backticks or a heredoc.
func parseGlobal(d *caddyfile.Dispenser) (*Config, error) {
	s := newScope()
	l := readSegment(d, s)
	if l == nil {
		return nil, d.ArgErr()
	}
	c := readGlobal(s, l)
	s.check(policy.Check(&c.Spec))
	s.check(c.checkAlerts())
	if header := c.tenantHeader(); header != "" {
		s.check(c.sendsTenant(header))
	}
	if err := s.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// readGlobal reads the block as it is written; what it means is the engine's to
// judge.
func readGlobal(s scope, l *line) *Config {
	c := &Config{}
	c.Places = policy.Places{directive: l.place}
	block := form{usage: "signpost { … }", block: mustBlock}
	block.fits(s.in(directive), l)
	readBlock(s, l.block, globalWords, c, c.Places)
	return c
}
