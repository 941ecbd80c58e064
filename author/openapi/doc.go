// Package openapi makes a policy of a published OpenAPI document (3.0 and 3.1,
// and what 3.2 has in common with them), in JSON or YAML.
//
// A document comes from a stranger, is often broken in details that do not
// matter here, and is often huge. So it is not read whole by the library that
// knows the format: it becomes a tree first, bounded in size, depth and number
// of values, in which every value has its line. Of that tree only what the
// chosen operations need is copied, member by member of a table of the format's
// objects; what is not in the table, or of the wrong type, is left behind. Every
// reference is followed in the tree; one that leads out of the document is
// refused there, so that there is nothing that could reach a file or a network.
// The copy is read by kin-openapi, and drafted from its model.
//
// What is drafted is a proposal: what cannot be said in a policy is left out
// with a warning, and what can be said but is optional stands in comments, as
// lines to take over. What is left passes policy.Check, which is asked at the
// end.
//
//	import.go    the story, top to bottom; options.go, what can be chosen
//	value.go     the tree; json.go and yaml.go, how it is read
//	shape.go     the objects of the format; copy.go, the bounded copy
//	reference.go where references lead; choose.go, which operations are taken
//	model.go     the copy as kin-openapi reads it; schema.go, what a schema says
//	server.go, security.go, operation.go, parameter.go, list.go, body.go,
//	answer.go, extract.go    a part of the policy each
//	example.go   tests of examples; sample.go, of what a schema makes up
//	warning.go   what could not be taken over; text.go, texts of strangers
package openapi
