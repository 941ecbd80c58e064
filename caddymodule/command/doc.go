// Package command is what stands below `caddy signpost`: the commands of those who
// write policies, and the keeping of secrets. Each has a file of its own.
//
//	check.go    what is wrong and what is unwise
//	test.go     policy tests
//	call.go     a live call
//	explain.go  why a call took its branch
//	replay.go   recorded calls through a changed configuration
//	import.go   policies made of something else
//	secret.go   secrets in an encrypted file
//
// A command reads flags, asks a package below author, and prints. Its exit status
// is 0 when all is well, 1 when something failed, and 3 when lint alone complains.
// What it needs of the server around it is a Host, so that nothing here imports
// Caddy.
package command
