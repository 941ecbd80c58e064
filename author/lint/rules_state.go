package lint

// stateRules are about a state that sidecars share.
var stateRules = []Rule{
	{
		ID: "plain-state-password", Severity: Warning, find: plainStatePasswords,
		Title: "A password of Redis that is written into the configuration.",
		Why: "Whoever has it can lift every limit and read the answers that are kept for later. `{secret.NAME}` is looked up in a file, a " +
			"variable or an encrypted file, and is read again at each connection, so that a new password needs no deployment. The line is " +
			"shown here without the value.",
		Bad: `{
	signpost {
		state redis rediss://redis.internal {
			password hunter2
		}
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
		state redis rediss://redis.internal {
			password {secret.redis}
		}
		policy store https://api.store.example {
			timeout 4s
			fallback {
				route handoff
			}
		}
	}
}
`,
	},
	{
		ID: "state-without-tls", Severity: Warning, find: stateWithoutTLS,
		Title: "A shared state over `redis://`, at a host that is not inside.",
		Why: "Password, names of tenants and the answers that are kept for later can be read and changed by everybody between the gateway and " +
			"Redis. On loopback, at private addresses and at names without a dot the network is taken for your own. In another one that is " +
			"yours, silence the rule and say why.",
		Bad: `{
	signpost {
		state redis redis://cache.provider.example {
			password {secret.redis}
		}
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
		state redis rediss://cache.provider.example {
			password {secret.redis}
		}
		policy store https://api.store.example {
			timeout 4s
			fallback {
				route handoff
			}
		}
	}
}
`,
	},
	{
		ID: "state-timeout-cut", Severity: Warning, find: cutStateTimeouts,
		Title: "A call that may wait for Redis for most of its deadline.",
		Why: "With `fail closed` a call is refused that Redis does not answer within `timeout`. What it waits, the third party does not have: " +
			"of the policy that is named, less than half of the deadline is left where Redis is slow, and a call whose deadline is shorter " +
			"than `timeout` comes to `timeout` instead of `overloaded`. Wait less, or give the policy more time.",
		Bad: `{
	signpost {
		state redis redis://redis {
			fail closed
			timeout 1s
		}
		policy store https://api.store.example {
			timeout 1500ms
			fallback {
				route handoff
			}
		}
	}
}
`,
		Good: `{
	signpost {
		state redis redis://redis {
			fail closed
			timeout 200ms
		}
		policy store https://api.store.example {
			timeout 1500ms
			fallback {
				route handoff
			}
		}
	}
}
`,
	},
	{
		ID: "leases-in-vain", Severity: Note, find: leasesInVain,
		Title: "Leases that no call can use.",
		Why: "With `leases` a sidecar takes permits ahead for calls of which each window allows more than 32 calls and of which none are counted in " +
			"flight. One small window is enough for a call to ask Redis each time, such as the 10 calls a minute that tenants have where no " +
			"`plan default` is written.",
		Bad: `{
	signpost {
		state redis redis://redis {
			leases
		}
		policy store https://api.store.example {
			rate_limit 6000/m shared
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
		state redis redis://redis {
			leases
		}
		plan default {
			rate_limit 600/m
		}
		policy store https://api.store.example {
			rate_limit 6000/m shared
			timeout 4s
			fallback {
				route handoff
			}
		}
	}
}
`,
	},
}
