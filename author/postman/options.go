package postman

import "github.com/signpost-gateway/signpost/author/policytest"

// Options choose what is drafted of a collection. The zero value takes all of it.
type Options struct {
	// File is the collection's name in messages. Default: "collection".
	File string

	// Name is the policy's name. Default: made of the collection's name.
	Name string

	// Server is the base URL of requests whose address begins with a variable that
	// the collection gives no value, as in {{baseUrl}}/orders. Default: none, and
	// such requests are left out.
	Server string

	// Variables fill the collection's variables, by name, instead of the values
	// that it gives them. One that the collection does not have is an error. Default:
	// the collection's own.
	Variables map[string]string
}

// Bounds of a collection and of what is made of it.
const (
	// MaxCollection is how large a collection may be, in bytes.
	MaxCollection = 64 << 20
	// maxValues bounds the values in it, and maxNesting how deep they nest.
	maxValues  = 2_000_000
	maxNesting = 512
	// maxFolders bounds how deep folders nest, and MaxRequests how many requests
	// are in them.
	maxFolders  = 64
	MaxRequests = 5000

	// maxResponses bounds the saved responses of one request that are looked at,
	// maxAnswer the body of one in bytes, and maxTestBytes those of all tests.
	maxResponses = 20
	maxAnswer    = 64 << 10
	maxTestBytes = policytest.MaxFile / 4

	// maxText bounds a text that comes out, such as a title, in bytes.
	maxText = 120
	// maxWarnings bounds what is told.
	maxWarnings = 100
)
