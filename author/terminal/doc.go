// Package terminal prints for people: in colour, cut to the width and with signs
// of progress where there is a terminal, and as plain text in a pipe or a file.
//
// What strangers wrote, such as the body of a third party's answer, goes through
// Safe or SafeText first: an escape sequence in it could otherwise rewrite what
// stands on the screen already. A Table does so by itself.
//
//	style.go     colours
//	safe.go      texts of strangers
//	width.go     how many columns a text takes, and a terminal has
//	table.go     columns
//	progress.go  how far a long work has come
//	spinner.go   that something is waited for
package terminal
