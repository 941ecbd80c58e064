// Command bench measures what Signpost costs: the same load, in one run on one
// machine, through five gateways of one binary.
//
//	bare    Caddy's own reverse_proxy
//	empty   Signpost with a policy that says nothing but its base URL
//	full    Signpost with two limits, a credential, breaker, deadline,
//	        4 extractions and 4 hints on an answer of 1 KiB, 10 % of traces
//	redis   the same, with state shared on a Redis, over loopback
//	leases  the same, with permits taken from there in batches
//
// All five run all the time and one is loaded at a time, in interleaved rounds,
// so that whatever else the machine does falls on all of them alike. The load
// comes from wrk; third party and trace collector are one process of their own,
// and so are the Redises, one for each gateway that needs one, so that their CPU
// time is not the gateway's. Connections are kept alive on both sides.
//
// A gateway's CPU time is that from the beginning of its round to the beginning
// of its next one: what it puts off until it is idle, such as sending spans,
// counts too. Each figure is the median of the rounds, and each ratio or
// difference the median of those within a round. What sharing adds is measured
// once more with one call at a time, when nobody waits for the processor.
//
// Then 1, 2, 4 and 8 sidecars share one limit while bots ask for twice as much.
// A span of the window's length that held more than the limit ends the bench with
// an error. How near to the limit they come is what leases cost.
//
//	main.go     flags, and the order of things
//	process.go  building, starting and watching gateways
//	redis.go    starting Redis, and whether gateways use it
//	load.go     wrk
//	upstream.go third party and collector
//	round.go    what is measured in a round
//	share.go    sidecars that share a limit
//	demand.go   bots that ask for more, and what was let out
//	report.go   medians and the tables of costs
//	profile.go  where CPU time and memory of a gateway go
//
// It needs Linux (/proc), wrk and redis-server. Run it with `make bench`.
package main
