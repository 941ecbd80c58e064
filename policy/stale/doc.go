// Package stale keeps the last good answers of third parties, so that a
// fallback can give one when the third party does not answer.
//
// It is not a cache that saves calls: every call still goes out, and an answer
// is asked for only after it failed. So freshness (RFC 9111, section 4.2) does
// not matter here, and the caller says how old an answer may be. What does
// matter is that nobody gets an answer meant for somebody else. An answer is
// kept under its tenant, policy, operation, method and URL, a hash of the
// credentials that the bot itself sent, and the request headers that the answer
// names in Vary; and no-store on either side keeps it out altogether.
//
// A Store is the memory of one gateway. It is bounded in bytes, the store's own
// overhead included. The answers that were used least recently go first.
//
// A Remote is a Store in front of Redis, where all gateways with the same prefix
// find each other's answers. A call never waits for Redis to keep one: answers
// are gathered for a moment, so that a busy key costs few writes, compressed, and
// sent off the path. To find one takes one script and one round trip, and memory
// has its say as well: the younger answer is given. Answers are spread over 16
// shards, each of which lies in one slot of a Cluster and counts its own bytes;
// those that expire first go first, and the count heals whatever Redis loses.
// Redis reads neither tenants, URLs nor headers of requests in what keys are
// called, but it has the answers themselves. What comes from there is not
// trusted: a payload that is no answer is none.
package stale
