package explain

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// maxShown bounds one value in a sentence, in columns.
const maxShown = 120

// duration tells milliseconds in the unit that people would use.
func duration(ms float64) string {
	switch d := time.Duration(ms * float64(time.Millisecond)); {
	case math.IsNaN(ms) || ms < 0:
		return "0 ms"
	case ms < 1:
		return trimZeros(ms, 2) + " ms"
	case ms < 10:
		return trimZeros(ms, 1) + " ms"
	case ms < 1000:
		return trimZeros(ms, 0) + " ms"
	case ms < 60_000:
		return trimZeros(ms/1000, 1) + " s"
	case ms < 3_600_000:
		return joined(int64(d/time.Minute), "min", int64(d%time.Minute/time.Second), "s")
	case ms < 100*86_400_000:
		return joined(int64(d/time.Hour), "h", int64(d%time.Hour/time.Minute), "min")
	default:
		return "many days"
	}
}

// joined writes a number with its unit, and a smaller one where it is not 0.
func joined(n int64, unit string, less int64, smaller string) string {
	text := fmt.Sprintf("%d %s", n, unit)
	if less > 0 {
		text += fmt.Sprintf(" %d %s", less, smaller)
	}
	return text
}

// trimZeros writes a number with at most that many decimals.
func trimZeros(n float64, decimals int) string {
	text := strconv.FormatFloat(n, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// count writes a number of things.
func count(n int, one, more string) string { return plural(strconv.Itoa(n), one, more) }

// plural is count for a number that stands in a text.
func plural(n, one, more string) string {
	if n == "1" {
		return "1 " + one
	}
	return n + " " + more
}

// spans are the windows that have a name of their own.
var spans = map[time.Duration]string{
	time.Second: "second", time.Minute: "minute", time.Hour: "hour", 24 * time.Hour: "day",
}

// window tells the length of a window, behind "any".
func window(ms float64) string {
	d := time.Duration(ms * float64(time.Millisecond))
	if name, known := spans[d]; known {
		return name
	}
	return duration(ms)
}

// moment tells a time as people read it, to the second where nobody needs more.
func moment(stamp string) string {
	at, err := time.Parse(calllog.TimeForm, stamp)
	if err != nil {
		return terminal.Cut(stamp, maxShown)
	}
	return at.UTC().Format("2006-01-02 15:04:05 UTC")
}

// status tells a status with its name.
func status(code int) string {
	return strings.TrimRight(strconv.Itoa(code)+" "+http.StatusText(code), " ")
}

// What the call log says of a value that is no single one.
var (
	listSize   = regexp.MustCompile(`^\[(\d+) elements\]$`)
	objectSize = regexp.MustCompile(`^\{(\d+) members\}$`)
)

// hidden is what stands where something was redacted.
const hidden = "[redacted]"

// value writes a value that a condition read.
func value(v any) string {
	text, ok := v.(string)
	if !ok {
		encoded, err := json.Marshal(v)
		if err != nil {
			return "?"
		}
		return terminal.Cut(string(encoded), maxShown)
	}
	if size := listSize.FindStringSubmatch(text); size != nil {
		return "a list of " + plural(size[1], "element", "elements")
	}
	if size := objectSize.FindStringSubmatch(text); size != nil {
		return "an object with " + plural(size[1], "member", "members")
	}
	if text == hidden {
		return "a value that is not shown"
	}
	return `"` + terminal.Cut(text, maxShown) + `"`
}

// quoted puts a piece of configuration into a sentence.
func quoted(code string) string { return "`" + terminal.Cut(code, 2*maxShown) + "`" }

// who names the tenant.
func who(tenant string) string {
	if tenant == "" || tenant == anonymous {
		return "nobody in particular"
	}
	return tenant
}
