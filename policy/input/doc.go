// Package input reads the variables that a bot sends with a call.
//
// It exists so that what goes into a URL, a header or a body is what the
// operator said it may be, and so that a call which cannot be made is refused
// with the name of each variable that is to blame.
//
// That is done in two steps, since where variables stand and what they may be
// are different questions. ParseJSON, ParseForm and Texts turn what was sent
// into a Raw: names and values, well-formed and each name once, but not judged.
// Set.Read judges a Raw by what was declared and gives a Value for each
// variable, or a Problem.
//
// JSON is read by a grammar of this package, which is stricter than that of
// encoding/json: a name given twice or half of a surrogate pair means one thing
// here and another thing to the third party, so neither is let through.
//
// A value stays as it was written. 12345678901234567890 and 1.50 are numbers
// whose digits a third party may need, so only Value.Any rounds.
package input
