// Package drift knows the shape of a third party's JSON answers, and notices
// when a later answer has another one.
//
// It exists because a third party changes its API without saying so: calls go
// on succeeding, and the bot quietly takes the wrong branch. What is noticed
// must be worth a look, though. So the shape is that of the first answer and
// never grows by itself, and only two things count as drift: a place that has another
// type, and a place that a variable reads and that is gone. Members that come
// and go unread, nulls, and lists of any length are the daily life of an API.
//
// A [Structure] is a tree of places with their types, learned from one
// document. All elements of an array share one place, written [*]. Its nodes
// lie in one slice in document order, so that a subtree is a range, and
// "is this below that" a comparison of two numbers.
//
// A [Watch] is a structure together with the paths that are read. It walks
// document and structure in step, once and without building anything. A path
// has one step for each level of the document, so what the walk carries down
// is a set of paths that match so far: one bit each, 64 in a word. A path is
// lost when it ends, wherever it was followed, at an object without the member.
//
// Of members with the same name in one object each one counts, as if they were
// elements of an array, when learning and when comparing.
//
// Where a value seems to have moved ([Suggest]), how two structures look side by
// side ([Diff]), and what to compare with once somebody accepted what changed
// ([Merge]) is worked out later, away from any call.
package drift
