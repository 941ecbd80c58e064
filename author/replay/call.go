package replay

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// Call is one call that was recorded: what the bot sent, what the third party did,
// and what became of it.
type Call struct {
	// From is where the call stands.
	From Place

	// ID names the call: its id in the call log, or "entry 12" of a HAR file.
	ID string

	// Time is when the call arrived; zero where nobody wrote it down.
	Time time.Time

	// Took is how long the whole call took.
	Took time.Duration

	// Tenant is on whose behalf the call left, empty for nobody in particular.
	Tenant string

	// Policy is whom the call was meant for, and Operation makes it a named call.
	// Path is escaped, below the policy's base URL, of a call that is none.
	Policy, Operation, Path string

	// URL is an absolute one instead, which the policy with the longest base URL
	// answers that it begins with; nil where Policy says whom it is for.
	URL *url.URL

	// Method, Query, Header and Body are the bot's; of the header, without what
	// frames the body.
	Method string
	Query  string
	Header http.Header
	Body   []byte

	// Unread tells that the bot's body is not known, of a named call neither its
	// variables. To a base-URL call that makes no difference but for what is sent.
	Unread bool

	// Given is what the third party did, one for each attempt. Last tells that the
	// last one stands for all further ones, since nobody counted.
	Given []Given
	Last  bool

	// Suppose is what the call came to for a reason that no recording holds, such as
	// a secret that was missing; it comes to the same again. Empty: there was none.
	Suppose policy.Outcome

	// Stale is the earlier answer that the bot got, and Age how old it was; nil
	// where it got none.
	Stale *Given
	Age   time.Duration

	// Was is what became of the call; nil where it did not go through Signpost.
	Was *Verdict

	// Sent is what went out, nil where nothing did or nobody wrote it down.
	Sent *Sent

	// Redacted tells that parts of the call were redacted, and Blind that one of its
	// conditions read such a part.
	Redacted, Blind bool

	// Why says why the call cannot be replayed, and is empty where it can.
	Why Reason

	broken error // what is wrong with it where it is no JSON
	order  int   // among all that were read, from 1
	weight int   // of the entry that it was read from, in bytes
}

// Place is where a recorded call stands.
type Place struct {
	// File is the name of the file, and Number that of the call in it, from 1.
	File   string
	Number int

	// Line is the line on which the call begins, from 1, and Offset the byte, from
	// 0; of a compressed file, both of what is in it.
	Line   int
	Offset int64
}

// String gives file and line, as compilers do.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Given is what a third party did with one attempt.
type Given struct {
	// Outcome is unreachable, incomplete, timeout or denied where there was no
	// answer, and empty where there was one.
	Outcome policy.Outcome

	// Start is when the attempt began, after the call's arrival, and Duration how
	// long it took.
	Start, Duration time.Duration

	// Endless tells of a timeout that it was the call's deadline, so that nobody
	// knows whether there would have been an answer later.
	Endless bool

	// Status and Header are the answer's, and Body as much of its body as was kept.
	// The header is nil where only the status was.
	Status int
	Header http.Header
	Body   []byte

	// Cut tells that Body is not all of it; Size is how long that was, -1 where
	// nobody knows.
	Cut  bool
	Size int64

	why Reason // where Cut is for another reason than its length
}

// Verdict is what became of a call, as far as replaying compares it.
type Verdict struct {
	Outcome  policy.Outcome `json:"outcome"`
	Route    string         `json:"route"`
	Next     string         `json:"next"`
	Status   int            `json:"status"`
	Fallback string         `json:"fallback,omitempty"`

	// Vars are the variables: JSON in one line or, where InHeaders says so, texts as
	// they stand in Signpost-Var headers, undone of their escapes.
	Vars      map[string]string `json:"vars"`
	InHeaders bool              `json:"-"`

	// Omitted are variables that were too large for a header.
	Omitted []string `json:"-"`
}

// Sent is the request that went out, of the last attempt.
type Sent struct {
	// Method and URL are without credentials, as the call log shows them.
	Method string `json:"method"`
	URL    string `json:"url"`

	// Body is text or not, at most MaxSent bytes of it.
	Body []byte `json:"-"`

	// Partly tells that there is more of the body, or that it is not known.
	Partly bool `json:"-"`
}

// MaxSent bounds how much of a body that goes out is compared, in bytes.
const MaxSent = 64 << 10

// Reason says why a call cannot be replayed, and what to do about it where
// something can be done.
type Reason string

// The reasons.
const (
	// WhySummary is that of an entry of a list of calls.
	WhySummary Reason = "it is only a summary: export whole calls with GET /signpost/calls/export"
	// WhyShape is that of an entry that lacks what makes it a call.
	WhyShape Reason = "it is no recorded call: expected one of the call log, or an entry of a HAR file with method, URL and status"
	// WhyBroken is that of an entry that is no JSON, or has values of other types.
	WhyBroken Reason = "it cannot be read as JSON: export it again"
	// WhyLarge is that of an entry larger than MaxEntry, WhyBody of one with a body
	// larger than MaxBody.
	WhyLarge Reason = "it is larger than 24MiB"
	WhyBody  Reason = "a body is larger than 16MiB"
	// WhyCoding is that of a body that is not coded as it says.
	WhyCoding Reason = "a body is not the base64 that it says it is"
	// WhyGone is that of a call whose bot went away.
	WhyGone Reason = "the bot went away before there was an answer"
	// WhyUpgrade is that of a connection that changed its protocol, WhyTunnel that
	// of one that was to become a tunnel.
	WhyUpgrade Reason = "the connection changed its protocol"
	WhyTunnel  Reason = "it asked for a tunnel, not for an answer"
	// WhyUpload is that of a call whose own body could not be read, or not in time.
	WhyUpload Reason = "the bot's own body could not be read"
	// WhyToken is that of a call for which no token was to be had.
	WhyToken Reason = "the token endpoint gave no token, and what it said is not recorded"
	// WhyURL is that of a call whose URL was cut.
	WhyURL Reason = "its URL is longer than the 2KiB that the log keeps"
	// WhyNobody is that of a call to somewhere else.
	WhyNobody Reason = "no policy has a base URL that its URL begins with"
	// WhyOther is that of a call of a policy that was not asked for.
	WhyOther Reason = "it is a call of another policy than --policy names"
	// WhyInput is that of a named call of which not all was kept.
	WhyInput Reason = "the bot's variables were not kept whole: say `record <n> bodies 64KiB` in the policy"
	// WhyCut is that of an answer of which not all was kept, where something reads it.
	WhyCut Reason = "the answer was not kept whole, and the policy reads it: say `record <n> bodies 64KiB` in the policy"
	// WhyHidden is that of one of which nothing was kept, since redact could not look
	// into it.
	WhyHidden Reason = "the answer was not kept, as `redact` is written and it is no JSON or too long, and the policy reads it"
	// WhyRedacted is that of a condition that would read what nobody may see.
	WhyRedacted Reason = "a condition reads what was redacted"
)

// Bounds of what is read.
const (
	// MaxEntry bounds one recorded call as it stands in a file, in bytes.
	MaxEntry = 24 << 20
	// MaxBody bounds each body in it, in bytes. No policy reads more of an answer.
	MaxBody = 16 << 20
)
