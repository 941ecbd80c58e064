// Package hint answers one question about a finished call: does this condition
// hold? Hints, success, fallback and retry all ask it, in the language of
// github.com/expr-lang/expr.
//
// The idea: a condition is checked in full when it is compiled, against the
// names that a call really has and the variables that somebody really extracts,
// so that a misspelt name is found at load and not in a customer's chat. While
// compiling, each name is replaced by one numbered read of an [Env]. That makes
// a condition cheap (nothing is looked up that it does not ask for, a body is
// decoded only when the evaluation reaches it), tells the engine beforehand what
// to read from an answer ([Condition.Needs]), and lets a trace say which values
// decided ([Condition.Readings]).
//
// What is missing is nil, wherever it is missing from: vars, input, headers,
// request.query, request.headers and path(). nil equals nothing but nil,
// contains, matches and starts with nothing, and is not ordered: comparing it by
// < or > is an error of the evaluation, and a condition that fails to evaluate
// does not hold. vars.x ?? 0 gives it a default.
//
// Of the language's own functions these are missing, or narrower:
//
//   - now and timezone are absent, and date takes no zone: the answer must not
//     depend on the clock or on the machine, or a replay could not be trusted.
//   - repeat and uniq are absent: what they cost is not bounded by what they read.
//   - the pattern of matches is a literal: an answer must not choose what is
//     compiled.
//   - $env is absent: it would step around the names declared here.
//
// keys, values and toPairs give their elements in no particular order.
//
// What a condition can come to before there is a call, with some of what it reads
// known and the rest not, is asked of a [Case] and the [Part]s that the condition is
// taken apart into.
//
// An evaluation is bounded by [MaxSteps] and [MaxElements], a text by
// [MaxSource] and [MaxNodes]; a panic inside the language is an error.
package hint
