// Package extract reads named values out of a JSON answer.
//
// It exists so that a third party's answer, which is hostile until proven
// otherwise, can be turned into a few variables at a cost that is known
// beforehand. A path is written in JSONPath (RFC 9535); a [Reader] reads a set
// of paths together and checks the whole document (RFC 8259) on the way.
//
// There are two ways to read, and the path decides which one is taken:
//
//   - A path of members and indexes only names at most one place. All such
//     paths of a reader are merged into a tree of branches, and one pass over
//     the bytes walks document and branches together. Nothing is built, nothing
//     is copied: a value is a piece of the document.
//   - Every other path gives a list. For these the document becomes a tree of
//     positions, and the query runs on github.com/ohler55/ojg/jp. The text is
//     parsed here, by the grammar of the RFC, and never by ojg. What ojg
//     answers as the RFC says (members, indexes, wildcards and lists of them)
//     is handed to it as it is; slices, descendants and filters are steps of
//     our own in its expression, because there it answers otherwise or panics.
//
// Both ways agree: of members with the same name the last one wins, and an
// escaped name is the same as a plain one.
//
// For whoever writes paths, [Places] goes the other way: it gives each value of a
// document with the path that reads it.
//
// A document costs bounded time and memory, whatever is in it: see [MaxBytes],
// [MaxDepth], [MaxValues], [MaxMatches], [MaxListBytes] and [MaxSteps]. A path
// costs bounded time, too: see [MaxPathBytes], [MaxSegments] and [MaxNesting].
//
// Two things that RFC 9535 allows are refused when a path is compiled: a
// regular expression that is not a literal, because a document could then
// bring the pattern as well as the text, and more than the bounds above.
package extract
