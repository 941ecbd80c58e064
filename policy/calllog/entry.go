package calllog

import "time"

// Entry is one call that is over. It does not change once it is in a Log, and is
// then safe for concurrent use. All that it holds is its own.
type Entry struct {
	// ID names the call: 16 hexadecimal digits, the id of its span.
	ID string

	// TraceID names its trace: 32 hexadecimal digits.
	TraceID string

	// Time is when the call arrived, Duration how long it took until its last
	// byte, and Upstream how much of that was spent on attempts.
	Time     time.Time
	Duration time.Duration
	Upstream time.Duration

	// Policy and Operation name what was called; either may be empty.
	Policy, Operation string

	// Tenant is on whose behalf the call left, and Plan the limits it is on.
	Tenant, Plan string

	// Method and Path are the bot's, at most MaxURL bytes of the path.
	Method, Path string

	// Outcome, Status, Route, RouteBy, Next, Reason, ProxyError, Fallback and
	// UpstreamStatus are the verdict's. Failed tells that the call counts as
	// failed.
	Outcome, Route, RouteBy, Next, Reason, ProxyError, Fallback string
	Status, UpstreamStatus                                      int
	Failed                                                      bool

	// Breaker is the breaker's state as the call met it, Limit the limit that
	// refused it, and Broken what cut its answer off; each may be empty.
	Breaker, Limit, Broken string

	// Cell is the cell of the breaker that was asked, nil where none was.
	Cell *Cell

	// Limits are those that were asked, as they stood when the answer was made.
	Limits []Limit

	// Decided is who decided on them where sidecars share them: "redis", "local" or
	// "refused". It is empty where they do not, or nobody was asked. SharedWait is how
	// long the call waited for Redis.
	Decided    string
	SharedWait time.Duration

	// Deadline is how long the call could take, and RetryAfter when it makes sense
	// to come back; 0 where nobody knows.
	Deadline, RetryAfter time.Duration

	// Success is the expression of that name where it made the call rejected, and
	// FallbackRule the fallback that held, whether it answered or not. FallbackAge is
	// how old a stale answer was.
	Success, FallbackRule string
	FallbackAge           time.Duration

	// Request is what the bot sent, and Response what it got.
	Request, Response Message

	// Sent is what went out to the third party, of the last attempt, and
	// Received what came back; nil where nothing did.
	Sent, Received *Message

	// Vars are the variables of the answer, and Inputs those that the bot sent.
	Vars, Inputs []Var

	// Hints are the conditions that were asked, in order.
	Hints []Hint

	// Faults are other conditions, which could not be evaluated.
	Faults []Fault

	// Attempts are the requests that were sent, in order.
	Attempts []Attempt

	// Drift is in what the answer differs from the structure of earlier ones.
	Drift []Change
}

// Cell is a cell of a circuit breaker as a call met it.
type Cell struct {
	// Breaker is whose breaker it is, "store" or "store.order_status", and Host the
	// third party's host and port.
	Breaker, Host string

	// Tenant is set where the tenant has a cell of its own, which was asked too, and
	// TenantOnly where that one refused the call.
	Tenant     string
	TenantOnly bool

	// Held tells that somebody holds the breaker open by hand.
	Held bool

	// Since is when the state began that refused the call, else zero.
	Since time.Time
}

// Limit is a limit that was asked.
type Limit struct {
	// Name is as in the RateLimit header: "gold:600/m".
	Name string

	// Max is how many calls it lets pass in any span of Window, or be in flight where
	// Window is 0.
	Max    int
	Window time.Duration

	// Left is how many more it would have let pass, and Reset how long it would have
	// taken until there are more.
	Left  int
	Reset time.Duration

	// Shared tells that it counts all tenants together, and Refused that it stood in
	// the call's way.
	Shared, Refused bool
}

// Var is a variable and its value as JSON.
type Var struct {
	Name string
	JSON []byte
}

// Hint is one condition that was asked.
type Hint struct {
	// Route and Condition are the hint's, Holds its result, and Err why it could
	// not be evaluated, or empty.
	Route, Condition string
	Holds            bool
	Err              string

	// Values are what it read.
	Values []Value
}

// Value is what a condition read. Of a list or an object it is a description.
type Value struct {
	// Name is the place as it stands in the condition.
	Name string

	// Value is nil, a bool, a number or a string of at most MaxValue bytes.
	Value any
}

// Fault is a condition that could not be evaluated.
type Fault struct {
	// Where is the word that it belongs to: "success", "fallback" or "retry".
	Where          string
	Condition, Err string
}

// Attempt is one request sent to the third party.
type Attempt struct {
	// After is how long after the call's arrival it began, Duration how long it
	// took.
	After, Duration time.Duration

	// Status is the answer's, 0 where there was none.
	Status int

	Outcome, Host, ProxyError string

	// Renewed tells that its token was refused, so that the next attempt had a new
	// one.
	Renewed bool
}

// Change is one difference between an answer and the structure of earlier ones.
type Change struct {
	Path string   `json:"path"`
	Was  string   `json:"was"`
	Is   string   `json:"is"`
	Vars []string `json:"vars"`
}

// Bounds of an entry, in bytes.
const (
	// MaxURL bounds a URL, and the path of a call.
	MaxURL = 2 << 10
	// MaxHead bounds the headers of a message.
	MaxHead = 8 << 10
	// MaxValue bounds one value that a condition read.
	MaxValue = 256
	// MaxVar bounds one variable, and MaxVars all of a call. Of one that is longer
	// there is only a description.
	MaxVar  = 8 << 10
	MaxVars = 64 << 10
	// DefaultBodies and MaxBodies bound how much of each body is kept.
	DefaultBodies = 4 << 10
	MaxBodies     = 64 << 10
)

// Bounds of a log, in calls.
const (
	// DefaultCalls is how many calls a policy's log keeps, and as many that
	// failed. MaxCalls is the ceiling of both.
	DefaultCalls = 20
	MaxCalls     = 1000
)
