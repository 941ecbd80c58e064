// Package stage plays calls through the gateway's own engine, without network,
// secrets and clock, so that what a policy would do can be seen before it goes live.
//
// It exists so that whoever tests or replays calls runs the compiled policy that
// the gateway runs, unchanged, and not a model of it. Only what is around the
// engine is played: the third party, which does what a Turn says, the secrets, of
// which each has its own name for a value, and time, which Run makes stand still
// unless everything waits for it.
//
//	err := stage.Run(func() {
//		s, err := stage.New(spec, stage.Options{Policy: "store"})
//		…
//		played := s.Play(stage.Call{Policy: "store", Operation: "order_status", Turns: turns})
//	})
//
//	virtual.go  time that passes only when all wait for it
//	stage.go    a gateway of which everything around it is played
//	prune.go    the part of a configuration that some calls can meet
//	call.go     one call and what became of it
//	third.go    the third party, and token endpoints
//	replay.go   a gateway whose third party is played by its caller
//	sent.go     what went out, as the policy writes it
//	secrets.go  secrets that are their own names, and keys
package stage
