// Package redislink is a gateway's way to Redis: it connects, tells whether
// Redis is there, and runs scripts in one round trip that never lasts longer
// than the caller has patience for.
//
// A Link is there or away, and There is one atomic load. The first failure turns
// it away for everybody: what is in flight ends at once, and until it is back
// nobody waits for Redis. One goroutine, and no other, then tries to come back,
// with pauses that grow, and believes nothing but a script that wrote within the
// time that a call has. So there is no storm of connections when Redis returns,
// and a replica, a full Redis or a wrong password is not taken for well.
//
//	options.go   what a Link needs; address.go, where Redis is
//	link.go      the Link; keeper.go, the goroutine that comes back and watches
//	run.go       scripts that a call waits for; later.go, those that nobody does
//	listen.go    messages of other gateways
//	session.go   all that is connected between coming back and the next failure
//	node.go      one Redis and the connections to it; group.go, their sockets
//	locate.go    which Redis: the one named, a Sentinel's master, a Cluster's node
//	slots.go     who holds which keys of a Cluster
//	reason.go    why Redis is away, in words without secrets; status.go
//
// The protocol, pipelining and authentication are rueidis's, with a client for
// each connection. Its clients for Sentinel and Cluster are not used: they dial
// while a call waits, without regard for its deadline, and connect again by
// themselves while others still take Redis for away. Instead, Sentinels or nodes
// are asked for the master when coming back and every second from then on, and a
// master that moved is one more reason to come back. While the slot of the
// counters moves to another node of a Cluster, Redis is away.
package redislink
