//go:build race

package openapi_test

// A race detector makes reading ten times as slow.
func init() { size = 10 }
