// Package e2e tests the built gateway from outside.
//
// With the build tag e2e it is called by real clients, Node, Python, curl and
// Go, and by bots whose runtimes npm installs: `make e2e`. A client that is
// missing on the machine is a failure, never a skipped test. With the build tag
// soak it stands load and failures for as long as one likes, and must leak
// nothing: `make soak`.
package e2e
