package lint

// failureRules are about what becomes of a conversation when the third party fails.
var failureRules = []Rule{
	{
		ID: "unplanned-failure", Severity: Warning, find: unplannedFailures,
		Title: "A failure without a branch of its own.",
		Why: "Where neither a hint nor `otherwise` names a route and no fallback answers, the bot gets the outcome's own route, `error`, and " +
			"`Signpost-Next: stop`: nobody planned for this. Third parties do time out, refuse connections and answer 503, and the person " +
			"at the other end deserves a sentence then. A 503 rarely holds JSON, so a hint that reads variables is no plan for it.",
		Bad: `policy store https://api.store.example {
	timeout 4s
	operation order GET "/orders/{{id}}" {
		hint not_found status == 404
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 4s
	fallback {
		respond 200 "The store is not answering right now."
		route handoff
	}
	operation order GET "/orders/{{id}}" {
		hint not_found status == 404
	}
}
`,
	},
	{
		ID: "no-timeout", Severity: Warning, find: longTimeouts,
		Title: "No timeout below the bot's own.",
		Why: "The usual bots give up after five seconds. A deadline at or beyond that is one that the bot never sees: it has gone, and its " +
			"conversation hangs or breaks, whatever the fallback says. The deadline is the least of the policy's (or the operation's), the " +
			"plan's and `max_timeout`. Where none is written it is 4s, which is fine and a note: whoever reads the policy should not have to know.",
		Bad: `policy store https://api.store.example {
	timeout 10s
	fallback {
		route handoff
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 4s
	fallback {
		route handoff
	}
}
`,
	},
	{
		ID: "retry-beyond-deadline", Severity: Warning, find: lateRetries,
		Title: "A retry that cannot fit into the deadline.",
		Why: "Before each further attempt a call waits: anything from nothing to a bound that doubles. When those waits together reach the " +
			"deadline on average, before any attempt has taken time itself, the last ones are hardly ever made: the call only ends later. " +
			"A wait that does not fit ends the retrying at once.",
		Bad: `policy store https://api.store.example {
	timeout 4s
	retry 3 {
		backoff 2s 8s
	}
	fallback {
		route handoff
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 4s
	retry 2 {
		backoff 100ms 1s
	}
	fallback {
		route handoff
	}
}
`,
	},
	{
		ID: "retry-not-resent", Severity: Warning, find: uselessRetries,
		Title: "A retry that never sends anything again.",
		Why: "A request that may have had its effect is not sent twice: only idempotent methods are, or requests with an `Idempotency-Key`. " +
			"Let the operation send one, made of something that stays the same for one wish of one person, or name the methods where a " +
			"second request does no harm.",
		Bad: `policy desk https://desk.example {
	timeout 4s
	fallback {
		route handoff
	}
	operation open_ticket POST /tickets {
		retry 2
		json "{\"text\": {{text}}}"
	}
}
`,
		Good: `policy desk https://desk.example {
	timeout 4s
	fallback {
		route handoff
	}
	operation open_ticket POST /tickets {
		retry 2
		header Idempotency-Key "{{conversation}}"
		json "{\"text\": {{text}}}"
	}
}
`,
	},
	{
		ID: "stale-beyond-use", Severity: Warning, find: staleInVain,
		Title: "A stale answer that outlives its use, or is never kept.",
		Why: "`stale` tells a person what was true then. After a day hardly anything about an order, a price or an appointment still is. " +
			"Answers are kept for GET and HEAD alone, and, so that no person sees another's, only for calls with a tenant, unless the policy " +
			"injects the credential; the last of these is a note.",
		Bad: `policy store https://api.store.example {
	timeout 4s
	inject bearer {secret.store_token}
	fallback {
		stale 30d
		route handoff
	}
}
`,
		Good: `policy store https://api.store.example {
	timeout 4s
	inject bearer {secret.store_token}
	fallback {
		stale 10m
		route handoff
	}
}
`,
	},
	{
		ID: "breaker-off", Severity: Note, find: unguarded,
		Title: "No breaker, and nothing to say meanwhile.",
		Why: "Without a breaker, each call to a third party that is down waits for its whole deadline, and without a fallback the person who " +
			"waited gets nothing for it. The breaker spares both sides; where it must be off, a fallback should answer.",
		Bad: `policy store https://api.store.example {
	timeout 2s
	breaker off
	hint handoff not answered or status >= 500
}
`,
		Good: `policy store https://api.store.example {
	timeout 2s
	breaker 5 consecutive
	hint handoff not answered or status >= 500
}
`,
	},
}
