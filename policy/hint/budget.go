package hint

import (
	"errors"
	"fmt"
	"strings"
)

// Bounds of one evaluation. They are generous for a condition over an answer of
// the largest size that is peeked at, and small enough that neither a hostile
// answer nor an unlucky condition holds a call up.
const (
	// MaxSteps bounds the work of one evaluation. Each turn of a loop
	// (filter, any, count, …) costs one step; inside a loop, and where a text is
	// built, so does each element and every [BytesPerStep] bytes looked at.
	MaxSteps = 1_000_000
	// BytesPerStep is how much text one step pays for.
	BytesPerStep = 16
	// MaxElements bounds the elements of all the lists, maps and ranges that one
	// evaluation makes.
	MaxElements = 1_000_000
)

// maxBuilt bounds in bytes a text made by replace or join: more could not be
// paid for anyway.
const maxBuilt = MaxSteps * BytesPerStep

// ErrBudget is what errors.Is finds in the error of [Condition.Holds] when the
// evaluation was stopped by one of these bounds.
var ErrBudget = errors.New("a bound of the evaluation was reached")

// These stop an evaluation as panics, which the virtual machine turns into errors
// with the place.
var (
	errSteps = fmt.Errorf("stopped after %d steps: %w", MaxSteps, ErrBudget)
	errBuilt = fmt.Errorf("a text over %d bytes would be built: %w", maxBuilt, ErrBudget)
)

// tick pays for one turn of a loop.
func (e *Env) tick() any {
	e.spend(1)
	return nil
}

func (e *Env) spend(steps int) {
	if e.steps += steps; e.steps > MaxSteps {
		panic(errSteps)
	}
}

// charge pays for a value about to be walked through, and gives it back. The
// walk here stops with the budget, so that counting stays within it too.
func (e *Env) charge(v any) any {
	e.weigh(v)
	return v
}

func (e *Env) weigh(v any) {
	e.spend(1)
	switch v := v.(type) {
	case string:
		e.spend(len(v) / BytesPerStep)
	case []string:
		for _, s := range v {
			e.weigh(s)
		}
	case []int:
		e.spend(len(v))
	case []any:
		for _, element := range v {
			e.weigh(element)
		}
	case map[string]any:
		for _, member := range v {
			e.weigh(member)
		}
	case map[any][]any: // what groupBy makes
		for _, group := range v {
			e.weigh(group)
		}
	}
}

// replace stands for the language's function of that name, whose result may be
// the product of the sizes of its arguments. Their number was checked.
func replace(args ...any) any {
	text, from, to := args[0].(string), args[1].(string), args[2].(string)
	count := strings.Count(text, from)
	if len(args) == 4 {
		if n := args[3].(int); n >= 0 {
			count = min(count, n)
		}
	}
	// Divided rather than multiplied: the product might not fit.
	if grows := len(to) - len(from); grows > 0 && count > (maxBuilt-min(len(text), maxBuilt))/grows {
		panic(errBuilt)
	}
	return strings.Replace(text, from, to, count)
}

// join stands for the language's function of that name, for the same reason.
// The number of arguments was checked.
func join(args ...any) any {
	glue := ""
	if len(args) == 2 {
		glue = args[1].(string)
	}
	var parts []string
	switch given := args[0].(type) {
	case []string:
		parts = given
	case []any:
		parts = make([]string, len(given))
		for i, part := range given {
			parts[i] = part.(string)
		}
	default:
		panic(fmt.Sprintf("join takes a list of texts, got %s", kindOf(given)))
	}
	size := 0
	for _, part := range parts {
		if size += len(part) + len(glue); size > maxBuilt {
			panic(errBuilt)
		}
	}
	return strings.Join(parts, glue)
}
