// Command bench measures what Signpost costs: the same load, in one run on one
// machine, through three gateways of one binary.
//
//	bare   Caddy's own reverse_proxy
//	empty  Signpost with a policy that says nothing but its base URL
//	full   Signpost with two limits, a credential, breaker, deadline,
//	       4 extractions and 4 hints on an answer of 1 KiB, 10 % of traces
//
// All three run all the time and one is loaded at a time, in interleaved
// rounds, so that whatever else the machine does falls on all of them alike.
// The load comes from wrk; third party and trace collector are one process of
// their own, so that their CPU time is nobody's cost. Connections are kept
// alive on both sides.
//
// A gateway's CPU time is that from the beginning of its round to the beginning
// of its next one: what it puts off until it is idle, such as sending spans,
// counts too. Each figure is the median of the rounds, and each ratio the median
// of the ratios within a round.
//
//	main.go     flags, and the order of things
//	process.go  building, starting and watching gateways
//	load.go     wrk
//	upstream.go third party and collector
//	round.go    what is measured in a round
//	report.go   medians and the table
//	profile.go  where CPU time and memory of a gateway go
//
// It needs Linux (/proc) and wrk. Run it with `make bench`.
package main
