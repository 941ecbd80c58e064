package policytest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestADiffOfLongTextsTakesBoundedTime(t *testing.T) {
	var a, b strings.Builder
	for i := range maxDiffLines {
		fmt.Fprintf(&a, "%d\n", i*7919%maxDiffLines)
		fmt.Fprintf(&b, "%d\n", i*6007%maxDiffLines)
	}
	began := time.Now()
	if lines := difference(&Mismatch{Got: a.String(), Want: b.String()}); len(lines) == 0 {
		t.Error("got no difference")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if lines := difference(&Mismatch{Got: a.String() + "\n", Want: b.String()}); lines != nil {
		t.Errorf("got %d lines of texts that are too long, want none", len(lines))
	}
	t.Log(time.Since(began))
}
