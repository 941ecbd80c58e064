// Package jwt mints the signed tokens (RFC 7519) by which a gateway shows a
// third party who is calling.
//
//	minter := jwt.NewMinter(jwt.Config{Algorithm: "RS256", KeyID: "2026-11"})
//	token, err := minter.Token(now, pemKey, map[string]any{"iss": "signpost"})
//
// A signature costs about a millisecond of CPU where the key is RSA, and a
// call every few milliseconds needs one. So a token is kept and given again
// until shortly before it expires, under a hash of the key and the claims:
// both may differ from tenant to tenant, and a secret that is rotated is
// another key, so that nothing has to be told of it. However many calls wait
// for the same token, it is signed once.
//
// Errors say what is wrong with a key or a claim and never what it is.
package jwt
