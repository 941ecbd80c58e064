package lint

// limitRules are about limits and who has them.
var limitRules = []Rule{
	{
		ID: "limit-never-reached", Severity: Warning, find: idleLimits,
		Title: "A limit that another one makes sure is never reached.",
		Why: "All limits hold together. One that allows as many calls in a longer window, or more calls in the same time, never refuses " +
			"anything: it only looks as though it protected somebody. An operation's limits hold together with its policy's.",
		Bad: `policy store https://api.store.example {
	timeout 4s
	rate_limit 100/m
	rate_limit 100/h
	fallback {
		route handoff
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 4s
	rate_limit 100/m
	rate_limit 1000/h
	fallback {
		route handoff
	}
}
`,
	},
	{
		ID: "unknown-plan", Severity: Error, find: unknownPlans,
		Title: "A tenant on a plan that does not exist.",
		Why: "A gateway does not start with a tenants file that names a plan nobody wrote, and a running one keeps the last good file. " +
			"`caddy adapt` does not read the file, so that this is where it is found before it goes live.",
		Bad: `{
	signpost {
		plan gold {
			rate_limit 600/m
		}
		tenants_file tenants.yaml
		policy store https://api.store.example {
			timeout 4s
			fallback {
				route handoff
			}
		}
	}
}
`,
		Good: `{
	signpost {
		plan gold {
			rate_limit 600/m
		}
		plan silver {
			rate_limit 60/m
		}
		tenants_file tenants.yaml
		policy store https://api.store.example {
			timeout 4s
			fallback {
				route handoff
			}
		}
	}
}
`,
		Tenants: `tenants:
  acme: {plan: gold}
  globex: {plan: silver}
`,
	},
}
