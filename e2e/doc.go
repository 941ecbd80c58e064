// Package e2e tests the built gateway from outside.
//
// With the build tag e2e it is called by real clients, Node, Python, curl and
// Go, and by bots whose runtimes npm installs; its spans go to a real Jaeger, its
// mails to a real SMTP server, and its console is used in a real browser. Several of it
// share a real Redis, to which everything happens that can, and a third party writes
// down when each call reached it. Authors of policies use its commands as on a shell,
// with OpenAPI documents that npm installs, and what they prove is compared with what
// the gateway does: `make e2e`. What is missing on the machine is a failure, never a
// skipped test. Jaeger is compiled from the Go module proxy and kept in the user's cache
// folder. With the build tag soak it stands load and failures for as long as one likes,
// alone and with others on one Redis, and must leak nothing: `make soak`.
package e2e
