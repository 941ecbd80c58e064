// Package lint tells authors of policies what is legal and yet unwise, before a
// customer's chat does: a hint that no call ever reaches, a failure that nobody
// planned for, a secret that leaves unencrypted.
//
// The idea: a rule looks at the same policy.Spec that the gateway runs, and at what
// policy.Surveys has found out about its conditions, so that what is said here is
// true there. Each rule has an id, under which docs/check.md tells why and shows an
// example, and by which a comment silences it where it stands:
//
//	hint busy outcome == "rate_limited" # check:ignore unreachable-hint - our plans come later
//
//	rule.go      what a rule is; rules_*.go, all of them with their examples
//	check.go     from a Subject to a Report
//	hints.go     conditions; failures.go, fallbacks and retries; times.go, deadlines
//	inject.go    credentials; network.go, hosts; limits.go; tenants.go; extracts.go; state.go
//	site.go      the sites around the policies
//	source.go    the lines of a configuration, for excerpts and comments
//	ignore.go    the comments that silence rules
//	mask.go      excerpts without credentials
//	print.go     findings for people, as compilers show them; json.go, for programs
package lint
