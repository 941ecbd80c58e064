package breaker

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseReadsWhatAnOperatorWrites(t *testing.T) {
	consecutive := Config{Consecutive: 5, Open: 15 * time.Second, Probes: 3}
	tenth := Default()
	tenth.Percent, tenth.Attempts, tenth.Window = 0.5, 1, 24*time.Hour
	tests := map[string]Config{
		"":                  Default(),
		"50% of 20 in 30s":  Default(),
		"0.5% of 1 in 1d":   tenth,
		"5 consecutive":     consecutive,
		"off":               {Off: true},
		"0.50% of 1 in 24h": tenth,
	}
	for words, want := range tests {
		got, err := Parse(strings.Fields(words))
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", words, got, err, want)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("Parse(%q).Validate() = %v", words, err)
		}
	}
}

func TestParseSaysWhatItExpected(t *testing.T) {
	tests := map[string][]string{
		"on":                       {`"on"`, "<percent>% of <attempts> in <duration>, <n> consecutive, or off"},
		"50% of 20":                {`"50% of 20"`, "in <duration>"},
		"50% of 20 within 30s":     {"in <duration>"},
		"50 of 20 in 30s":          {`"50"`, "percentage above 0% and up to 100%"},
		"0% of 20 in 30s":          {`"0%"`, "percentage"},
		"101% of 20 in 30s":        {`"101%"`, "percentage"},
		"NaN% of 20 in 30s":        {`"NaN%"`, "percentage"},
		"0x1p3% of 20 in 30s":      {`"0x1p3%"`, "percentage"},
		"50% of 0 in 30s":          {`"0"`, "number of attempts from 1"},
		"50% of 20 in 30":          {`"30"`, "duration such as 30s"},
		"50% of 20 in -1s":         {`"-1s"`, "duration"},
		"50% of 20 in 25h":         {`"25h"`, "24h"},
		"x% of y in z":             {`"x%"`, `"y"`, `"z"`},
		"0 consecutive":            {`"0"`, "number of failures from 1"},
		"99999999999 consecutive":  {"number of failures"},
		"five consecutive":         {`"five"`, "number of failures"},
		"5 consecutive please":     {"consecutive, or off"},
		"off off":                  {"or off"},
		"50% of 20000000 in 30s":   {"from 1 to 1000000"},
		"50% of 20 in 30s and 40s": {"expected"},
	}
	for words, wants := range tests {
		got, err := Parse(strings.Fields(words))
		if err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", words, got)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Parse(%q) says %q, want it to mention %q", words, err, want)
			}
		}
	}
}

func TestValidateFindsAllThatIsOutOfBounds(t *testing.T) {
	bad := map[string]Config{
		"percentage":  {Percent: math.NaN()},
		"attempts":    {Attempts: -1},
		"window":      {Window: time.Nanosecond},
		"consecutive": {Consecutive: MaxAttempts + 1},
		"open":        {Open: 25 * time.Hour},
		"probes":      {Probes: MaxProbes + 1},
		"slow":        {Slow: -time.Second},
	}
	for word, c := range bad {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "checking "+word) || !strings.Contains(err.Error(), "expected") {
			t.Errorf("%+v.Validate() = %v, want one that names %s", c, err, word)
		}
	}
	all := Config{Percent: 101, Attempts: -1, Window: -1, Open: -1, Probes: -1, Slow: -1}
	var joined interface{ Unwrap() []error }
	if err := all.Validate(); !errors.As(err, &joined) || len(joined.Unwrap()) != 6 {
		t.Errorf("%+v.Validate() = %v, want six errors", all, err)
	}
	for _, c := range []Config{{}, Default(), {Off: true, Probes: -1}, {Consecutive: 1, Percent: 1000}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v.Validate() = %v, want none", c, err)
		}
	}
}

func TestConfigurationsThatMeanTheSameShareABreaker(t *testing.T) {
	r := NewRegistry(nil)
	same := [][2]Config{
		{{}, Default()},
		{{Off: true}, {Off: true, Probes: 7}},
		{{Consecutive: 5}, {Consecutive: 5, Percent: 10, Open: 15 * time.Second}},
	}
	for _, pair := range same {
		if r.Breaker("store", pair[0]) != r.Breaker("store", pair[1]) {
			t.Errorf("%+v and %+v have different breakers", pair[0], pair[1])
		}
	}
}

func FuzzParseGivesValidConfigurationsThatPrintAsTheyRead(f *testing.F) {
	for _, words := range []string{"", "off", "5 consecutive", "50% of 20 in 30s", "0.01% of 1 in 1d", "1e1% of +2 in 1h2m", "% of  in "} {
		f.Add(words)
	}
	f.Fuzz(func(t *testing.T, words string) {
		c, err := Parse(strings.Fields(words))
		if err != nil {
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("Parse(%q) = %+v, which is not valid: %v", words, c, err)
		}
		again, err := Parse(strings.Fields(c.String()))
		if err != nil || again != c {
			t.Fatalf("Parse(%q) = %+v prints as %q, which reads as %+v, %v", words, c, c, again, err)
		}
	})
}
