// Package secret keeps credentials out of everything but the request they are for.
//
// It exists so that there is one answer to "where can the value of a secret go?". That takes three things:
//
//   - [Secret] is a type that prints as [redacted] wherever it is formatted, logged or marshaled. The value leaves
//     through [Secret.Expose] and nowhere else.
//   - A [Store] finds secrets by name in its providers ([Env], [Dir], [Age]) each time they are used, so that a rotated
//     secret needs no reload. A [Template] such as "Bearer {secret.store_token}" holds references, never values.
//   - A [Scrubber] overwrites an injected secret where a third party echoes it, whatever the encoding.
//
// A tenant's secret and the shared one of the same name are different things: {secret.NAME} prefers the tenant's and
// falls back to the shared one, {tenant_secret.NAME} never falls back. Tenants name themselves in requests, so a
// tenant's name is hostile input here: a provider answers only for tenants whose names it can map one to one.
//
// The package fails closed. A secret that is there but cannot be read is an error and not "not found", because
// "not found" would let a tenant's call go out with the shared credential.
package secret
