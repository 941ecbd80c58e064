package openapi

import "github.com/signpost-gateway/signpost/author/policytest"

// Options choose what is drafted of a document. The zero value takes all of it.
type Options struct {
	// File is the document's name in messages. Default: "document".
	File string

	// Name is the policy's name. Default: made of the document's
	// title, or of the host where the title is long.
	Name string

	// Server is the base URL, or the number of one of the document's servers,
	// counted from 0. Default: the first https server, else the first.
	Server string

	// Variables fill the variables of the server's address. Default: the
	// document's own defaults. One that no address of the document has, or with a
	// value that its server does not allow, is an error.
	Variables map[string]string

	// Operations are the operations to take: an operationId, the name that it has
	// in the policy, "METHOD /path", or a regular expression (RE2) that is looked
	// for in each of the three. One that chooses nothing is an error. Default: all.
	Operations []string

	// Tags takes the operations that have one of these tags, and with Operations
	// those that have both. Upper and lower case are the same. Default: all.
	Tags []string

	// MaxOperations is how many operations are taken at most, in the document's
	// order; the rest is left out with a warning. Default and bound: 5000.
	MaxOperations int
}

// Bounds of a document and of what is made of it.
const (
	// MaxDocument is how large a document may be, in bytes.
	MaxDocument = 64 << 20
	// maxValues bounds the values in it.
	maxValues = 6_000_000
	// maxDepth bounds how deep they nest.
	maxDepth = 128
	// maxCost bounds what is copied for the chosen operations: bytes, each counted
	// once for every level that it is deep, since that is how often it is read.
	maxCost = 400 << 20

	// costOfReference is what each value costs that a reference leads to, with each
	// reference, since the library goes through it each time.
	costOfReference = 40
	// maxComponents bounds what references lead to, since they are followed one
	// inside the other.
	maxComponents = 20_000
	// maxValidated is up to how many of these the rules of the format are tested, which
	// takes time in proportion to the square of their number.
	maxValidated = 2_000

	// maxOperations is the bound of Options.MaxOperations, and manyOperations is
	// from how many on a policy is unwise.
	maxOperations  = 5000
	manyOperations = 50
	// maxTestBytes bounds the bodies of all tests together.
	maxTestBytes = policytest.MaxFile / 4
	// maxBody bounds the body of one test.
	maxBody = 32 << 10

	// maxMistakes and maxWarnings bound what is told.
	maxMistakes = 20
	maxWarnings = 200
)
