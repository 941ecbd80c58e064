package telemetry

import (
	"bytes"
	"log"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatAThirdPartySendsUnaskedIsNotQuotedInTheLog(t *testing.T) {
	before := log.Writer()
	defer log.SetOutput(before)
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log.SetOutput(&out)
		GuardLog()
		GuardLog() // As a reload does.
		for range 3 {
			log.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", "Bearer sesame-sesame", nil)
		}
		log.Print("something else")
		time.Sleep(unsolicitedEvery)
		log.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", "Bearer sesame-sesame", nil)
		text := out.String()
		if strings.Contains(text, "sesame") {
			t.Errorf("the log quotes what was sent: %s", text)
		}
		if n := strings.Count(text, "belong to no answer"); n != 2 || !strings.Contains(text, "something else") {
			t.Errorf("the log tells of it %d times in a minute and later, want 2, and all else: %s", n, text)
		}
	})
}
