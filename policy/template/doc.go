// Package template holds everything that knows what {{x}} means: path
// templates that recognise an operation in a path, and the bodies of fallback
// answers.
//
// A variable can never leave the place it was given. In a path it is one whole
// segment, compared after percent-decoding, so that %2F stays inside its
// segment. In a JSON body it is one value or a piece of one string, whatever
// the third party sent; in HTML and XML it is text. Where a variable stands is
// settled when the template is parsed, and a template in which some value
// could change the structure is an error then, with its offset: filling cannot
// fail.
//
// Router finds the operation of a path. Templates are kept as a tree of
// segments; at each segment the literal is tried before the variable, so the
// most specific template wins, from the left. That needs backtracking, and
// backtracking can be exponential. Router therefore bounds, as templates are
// added, how many nodes any path could ever make it visit, and refuses the
// template that passes the bound: the operator hears of it at load, and no
// path that a bot may send can be slow.
package template
