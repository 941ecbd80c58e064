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
//	client.go    how rueidis connects; lane.go, what is under way over one client
//	socket.go    when it may dial, and connections that tell when they break
//	reason.go    why Redis is away, in words without secrets; status.go
//
// The protocol, Sentinels, the slots of a Cluster and authentication are
// rueidis's. Only when it dials is decided here: a session is connected whole and
// then sealed, so that no call waits for a connection and nothing connects again
// while others take Redis for away. A socket that breaks ends the session, and
// that rueidis wants to dial another master is how a new one is noticed; the next
// session asks everybody anew. In a Cluster only the node with the counters
// decides. Others are connected again off the path, within Timeout, and until then
// their keys have errors.
package redislink
