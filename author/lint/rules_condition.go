package lint

// conditionRules are about what hints and other conditions can come to.
var conditionRules = []Rule{
	{
		ID: "unreachable-hint", Severity: Warning, find: unreachableHints,
		Title: "A hint that can never name the route.",
		Why: "Hints are asked in order, and the first that holds names the route. A hint whose condition never holds, or behind others of " +
			"which one holds whenever it could, is a branch of the conversation that nobody will ever see. A hint of the policy's is asked " +
			"behind those of each operation, and is found where it is out of reach in all of them. Put the special before the general.",
		Bad: `policy store https://api.store.example {
	timeout 4s
	fallback {
		route handoff
	}
	operation order GET "/orders/{{id}}" {
		hint refused status >= 400
		hint not_found status == 404
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 4s
	fallback {
		route handoff
	}
	operation order GET "/orders/{{id}}" {
		hint not_found status == 404
		hint refused status >= 400
	}
}
`,
	},
	{
		ID: "always-true-hint", Severity: Warning, find: alwaysTrueHints,
		Title: "A hint that holds for every call.",
		Why: "Hints see every outcome, also those without an answer, and a hint that always holds is the branch of a timeout, too. Nothing " +
			"below it is asked. Often an `or` was meant as an `and`; where it is meant as it stands, `otherwise` says so.",
		Bad: `policy store https://api.store.example {
	timeout 4s
	fallback {
		route handoff
	}
	operation order GET "/orders/{{id}}" {
		hint problem status != 404 or status != 410
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 4s
	fallback {
		route handoff
	}
	operation order GET "/orders/{{id}}" {
		hint not_found status in [404, 410]
		otherwise problem
	}
}
`,
	},
	{
		ID: "constant-condition", Severity: Warning, find: constantConditions,
		Title: "A condition of `success`, `retry` or `fallback` that says the same of every call.",
		Why: "A fallback that never holds helps nobody, and one that always does stands for good answers, too; a retry for an outcome that no " +
			"attempt has sends nothing again. `rate_limited` is a limit of Signpost's own: a third party's 429 is a `client_error` with " +
			"that status. An outcome that is spelled wrong never holds either.",
		Bad: `policy store https://api.store.example {
	timeout 4s
	retry 2 {
		on outcome == "rate_limited"
	}
	fallback {
		route handoff
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 4s
	retry 2 {
		on status in [429, 503]
	}
	fallback {
		route handoff
	}
}
`,
	},
	{
		ID: "unread-extract", Severity: Note, find: unreadExtracts,
		Title: "An `extract` that nobody is known to read.",
		Why: "Each variable is read out of each answer, watched for drift and sent to the bot in a header. That is worth it where a condition, " +
			"the body of a fallback or the bot reads it. What the bot does cannot be seen from here, so this is a note: a policy test that " +
			"expects the variable says that it is read. Of a variable that every operation extracts anew no call has the policy's own: that is a warning.",
		Bad: `policy store https://api.store.example {
	timeout 4s
	fallback {
		route handoff
	}
	operation order GET "/orders/{{id}}" {
		extract status $.order.status
		extract carrier $.order.delivery.carrier
		hint shipped vars.status == "shipped"
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 4s
	fallback {
		route handoff
	}
	operation order GET "/orders/{{id}}" {
		extract status $.order.status
		hint shipped vars.status == "shipped"
	}
}
`,
	},
}
