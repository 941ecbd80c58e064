package command

import "errors"

// What the tests use of the inside.
var (
	CallCommand    = callCommand
	ExplainCommand = explainCommand
	Suggest        = suggest
)

// MaxListed is how many names are listed for whoever got one wrong.
const MaxListed = maxListed

// Status is the exit status of a command that ended with err.
func Status(err error) int {
	var exit Exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Status
	default:
		return StatusFailed
	}
}
