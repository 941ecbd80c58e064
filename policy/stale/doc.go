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
// Memory is bounded in bytes, the store's own overhead included. The answers
// that were used least recently go first.
package stale
