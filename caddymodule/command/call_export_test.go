package command

// What the tests use of the inside.
var (
	CallCommand    = callCommand
	ExplainCommand = explainCommand
	Suggest        = suggest
)

// MaxListed is how many names are listed for whoever got one wrong.
const MaxListed = maxListed
