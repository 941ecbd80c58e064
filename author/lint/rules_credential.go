package lint

// credentialRules are about secrets, and where calls may go with them.
var credentialRules = []Rule{
	{
		ID: "secret-over-http", Severity: Warning, find: secretsOverHTTP,
		Title: "A secret over `http://`.",
		Why: "What `inject` adds, and what is sent to a `token_url`, can be read by everybody between the gateway and the third party. On " +
			"loopback nobody is between them. In a network that is all yours, silence the rule and say why.",
		Bad: `policy store http://api.store.example {
	timeout 4s
	inject bearer {secret.store_token}
	fallback {
		route handoff
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 4s
	inject bearer {secret.store_token}
	fallback {
		route handoff
	}
}
`,
	},
	{
		ID: "plain-credential", Severity: Warning, find: plainCredentials,
		Title: "A credential that is written into the configuration.",
		Why: "Everybody who reads the configuration, its repository or its backup has it, and to change it is a deployment. `{secret.NAME}` is " +
			"looked up in a file, a variable or an encrypted file, and is read again when it changes. The line is shown here without the value.",
		Bad: `policy store https://api.store.example {
	timeout 4s
	inject header X-Api-Key 4f9a2c
	fallback {
		route handoff
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 4s
	inject header X-Api-Key {secret.store_key}
	fallback {
		route handoff
	}
}
`,
	},
	{
		ID: "open-policy", Severity: Note, find: openPolicies,
		Title: "A credential that opens more than the operations.",
		Why: "A bot may call any path below the base URL, and the gateway adds the operator's credential to each call. Where the operations are " +
			"all that bots need, `operations_only` denies the rest, so that a mistaken or hijacked bot can do what is written and nothing else.",
		Bad: `policy store https://api.store.example {
	timeout 4s
	inject bearer {secret.store_token}
	fallback {
		route handoff
	}
	operation order GET "/orders/{{id}}"
}
`,
		Good: `policy store https://api.store.example {
	operations_only
	timeout 4s
	inject bearer {secret.store_token}
	fallback {
		route handoff
	}
	operation order GET "/orders/{{id}}"
}
`,
	},
	{
		ID: "private-host", Severity: Warning, find: guardedHosts,
		Title: "A base URL that the dial guard refuses, or a guard that is let down for nothing.",
		Why: "A name without a dot, such as `localhost` or a container's, leads to an address inside, which no policy may reach that does not " +
			"say `allow_private`: every call is denied. The other way round, `allow_private` for a third party on the internet lets whoever " +
			"answers for its name in the DNS lead calls inside; that is a note, as is `allow_private` beside an address that is named literally.",
		Bad: `policy store http://store:9090 {
	timeout 4s
	fallback {
		route handoff
	}
}
`,
		Good: `policy store http://store:9090 {
	allow_private
	timeout 4s
	fallback {
		route handoff
	}
}
`,
	},
}
