//go:build race

package replay_test

// A race detector makes reading ten times as slow.
func init() { streamed = 20 << 20 }
