package lint

// siteRules are about the sites around the policies, and about silencing.
var siteRules = []Rule{
	{
		ID: "reverse-proxy-beside", Severity: Warning, find: besideProxies,
		Title: "A `reverse_proxy` in the site of the policies.",
		Why: "`signpost` answers every call that it gets, so that without a matcher a `reverse_proxy` in the same site is never asked, and " +
			"with one, or in a `handle`, what it sends on goes past all policies. A third party belongs in a policy, anything else in a site " +
			"of its own.",
		Bad: `{
	signpost {
		policy store https://api.store.example {
			timeout 4s
			fallback {
				route handoff
			}
		}
	}
}

:8080 {
	bind 127.0.0.1
	handle /legacy/* {
		reverse_proxy 127.0.0.1:9000
	}
	handle {
		signpost
	}
}
`,
		Good: `{
	signpost {
		policy store https://api.store.example {
			timeout 4s
			fallback {
				route handoff
			}
		}
		policy legacy http://127.0.0.1:9000 {
			timeout 4s
			fallback {
				route handoff
			}
		}
	}
}

:8080 {
	bind 127.0.0.1
	signpost
}
`,
	},
	{
		ID: "open-console", Severity: Warning, find: openConsoles,
		Title: "A console that anybody on the network may open.",
		Why: "The console shows the calls of all tenants, with what they asked and what they were told. Let it listen on loopback, or put " +
			"a directive before it that asks who is there, such as `basic_auth`. Where something else keeps strangers out, silence the rule " +
			"and say what.",
		Bad: `{
	signpost {
		policy store https://api.store.example {
			timeout 4s
			fallback {
				route handoff
			}
		}
	}
}

:8081 {
	signpost_console
}
`,
		Good: `{
	signpost {
		policy store https://api.store.example {
			timeout 4s
			fallback {
				route handoff
			}
		}
	}
}

:8081 {
	bind 127.0.0.1
	signpost_console
}
`,
	},
	{
		ID: "site-with-host", Severity: Warning, find: hostedSites,
		Title: "A site of the policies that answers to one host name alone.",
		Why: "Bots reach the gateway by many names: a container's, an address, `localhost`. A site with a host leaves calls to any other to " +
			"the server, which answers an empty 200 before a policy is asked, and the bot takes that for an answer. Name the port alone.",
		Bad: `{
	signpost {
		policy store https://api.store.example {
			timeout 4s
			fallback {
				route handoff
			}
		}
	}
}

http://localhost:8080 {
	bind 127.0.0.1
	signpost
}
`,
		Good: `{
	signpost {
		policy store https://api.store.example {
			timeout 4s
			fallback {
				route handoff
			}
		}
	}
}

:8080 {
	bind 127.0.0.1
	signpost
}
`,
	},
	{
		ID: uselessIgnore, Severity: Warning,
		Title: "A comment that silences nothing.",
		Why: "A comment that names a rule which finds nothing there, or no rule at all, was true once: what it excused is gone, and it would " +
			"hide the next one. This rule cannot be silenced.",
		Bad: `policy store https://api.store.example {
	timeout 4s # check:ignore no-timeout - the bot waits longer
	fallback {
		route handoff
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 8s # check:ignore no-timeout - the bot waits longer
	fallback {
		route handoff
	}
}
`,
	},
}
