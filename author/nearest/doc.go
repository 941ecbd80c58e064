// Package nearest finds the name that somebody meant who mistyped one, for messages
// that ask "did you mean".
package nearest
