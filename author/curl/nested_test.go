package curl_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/curl"
)

func TestBracketsWithoutEndCostLittleMemory(t *testing.T) {
	for _, opens := range []string{"(", "$((", "a[", "for ((;("} {
		command := "curl https://a.example/ " + strings.Repeat(opens, 100_000/len(opens))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := curl.Import(command, curl.Options{})
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%q many times was taken for a command", opens)
		}
		if used := after.TotalAlloc - before.TotalAlloc + after.StackSys - before.StackSys; used > 32<<20 {
			t.Errorf("%q many times took %d MiB", opens, used>>20)
		}
	}
	if _, err := curl.Import("curl https://a.example/x -d '"+strings.Repeat("[(", 100)+strings.Repeat(")]", 100)+"'", curl.Options{}); err != nil {
		t.Errorf("brackets in a text: %v", err)
	}
}
