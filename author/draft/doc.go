// Package draft holds policies that are made of something else, such as a curl
// command or an OpenAPI document, and prints them.
//
// An importer makes a Draft: a policy.PolicySpec in which credentials are
// references already, and what there is to say about it. Whatever it read came from
// a stranger. So a text can never leave the token of the Caddyfile that it was
// given, nor a comment its line, and what a Caddyfile cannot hold is an error and
// not another policy: reading what was printed gives the same PolicySpec.
//
//	draft.go     the model
//	tests.go     its tests
//	name.go      names for policies, variables and secrets, made of any text
//	private.go   which names and values are credentials
//	template.go  a JSON document as the template of a named call's body
//	hide.go      credentials in any other text
//	caddyfile.go the policy as a Caddyfile, and the file around it
//	rules.go, operation.go, inject.go, its parts
//	line.go      lines, blocks and comments
//	token.go     how a text is quoted
package draft
