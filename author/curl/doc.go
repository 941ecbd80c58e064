// Package curl makes a policy of a curl command, as browsers copy it and
// documentation prints it.
//
// The command is read and never run: it is a stranger's text. Whatever a shell would
// do with it beyond splitting it into words is refused with its place, and no file is
// read that an option names. What is a credential becomes a reference to a secret, so
// that its value is in no output, and what changes from call to call a variable.
//
//	import.go    the story, top to bottom
//	word.go      a word of the command; shell.go and ansi.go, as bash has it, and
//	             prompt.go, as Windows has it
//	option.go    what options mean; option_known.go, the list
//	request.go   the request that curl would send; address.go and data.go, its parts
//	credential.go what of it is a secret; header.go, and what of its headers stays
//	operation.go the operation that sends the same; variable.go, identifier.go,
//	             shellvariable.go and body.go, its parts
package curl
