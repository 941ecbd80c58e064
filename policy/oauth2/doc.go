// Package oauth2 gets access tokens by client credentials (RFC 6749, section
// 4.4) and keeps them for as long as they are good.
//
//	source := oauth2.NewSource(oauth2.Config{Scopes: []string{"orders"}}, transport)
//	token, err := source.Token(ctx, now, credentials)
//
// A token is one more third party between a bot and its answer, so the package
// keeps that one out of the way. A token is renewed before it expires while
// calls go on with the old one. However many calls wait for a token, it is asked
// for once, and not in the name of the first of them: that bot may go away. An
// endpoint that is down is asked once a second and not by each call.
//
// What an endpoint says is believed only within bounds: how long a token lasts,
// what a header can carry, how much is read. None of its text, which may echo
// the credentials, comes back in an error but for the codes of RFC 6749.
//
//	source.go     which token a call gets
//	flight.go     one request for a token, and the calls that wait for it
//	request.go    how that request is sent and heard
//	answer.go     what the endpoint's answer is worth
//	error.go      why there is no token
package oauth2
