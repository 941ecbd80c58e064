package jwt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy/jwt"
)

func mint(t testing.TB, m *jwt.Minter, at time.Time, key string, claims map[string]any) string {
	t.Helper()
	token, err := m.Token(at, key, claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestATokenSaysWhenItWasIssuedAndWhenItExpires(t *testing.T) {
	for _, c := range []struct {
		ttl  time.Duration
		want int64
	}{{0, 300}, {10 * time.Second, 10}, {time.Hour, 3600}, {24 * time.Hour, 86400}} {
		m := jwt.NewMinter(jwt.Config{Algorithm: "HS256", TTL: c.ttl})
		_, claims := verify(t, mint(t, m, now, sharedKey, nil), sharedKey)
		if want := map[string]any{"iat": float64(now.Unix()), "exp": float64(now.Unix() + c.want)}; !maps.Equal(claims, want) {
			t.Errorf("ttl %s: got %v, want %v", c.ttl, claims, want)
		}
	}
}

func TestATokenIsGivenAgainUntilShortlyBeforeItExpires(t *testing.T) {
	for _, c := range []struct{ ttl, until time.Duration }{
		{10 * time.Second, 5 * time.Second}, // 5 s before it expires.
		{30 * time.Second, 25 * time.Second},
		{100 * time.Second, 90 * time.Second}, // 90 % of its life.
		{0, 270 * time.Second},
		{24 * time.Hour, 21*time.Hour + 36*time.Minute},
	} {
		m := jwt.NewMinter(jwt.Config{Algorithm: "HS256", TTL: c.ttl})
		issued := now.Truncate(time.Second)
		first := mint(t, m, now, sharedKey, nil)
		for _, at := range []time.Time{now, issued, issued.Add(-4 * time.Second), issued.Add(c.until - 1)} {
			if got := mint(t, m, at, sharedKey, nil); got != first {
				t.Errorf("ttl %s: %s after it was issued there is another token, want the same", c.ttl, at.Sub(issued))
			}
		}
		if got := mint(t, m, issued.Add(c.until), sharedKey, nil); got == first {
			t.Errorf("ttl %s: %s after it was issued there is the same token, want another", c.ttl, c.until)
		}
	}
}

func TestATokenOfTheFutureIsNotGivenOnceTheClockIsSetRight(t *testing.T) {
	m := jwt.NewMinter(jwt.Config{Algorithm: "HS256"})
	mint(t, m, now.Add(time.Hour), sharedKey, nil)
	_, claims := verify(t, mint(t, m, now, sharedKey, nil), sharedKey)
	if got, want := claims["iat"], float64(now.Unix()); got != want {
		t.Errorf("iat: got %v, want %v", got, want)
	}
}

func TestTokensDifferWhereKeyOrClaimsDiffer(t *testing.T) {
	m := jwt.NewMinter(jwt.Config{Algorithm: "HS256"})
	deep := func(v any) map[string]any { return map[string]any{"a": []any{map[string]any{"b": v}}} }
	claims := []map[string]any{
		nil, {"a": ""}, {"a": "b"}, {"b": "a"}, {"ab": ""}, {"": "ab"}, {"a": "b", "c": "d"}, {"a": "bcd"}, {"a": "bsc"}, {"a": nil}, {"a": "null"},
		{"a": true}, {"a": "true"}, {"a": 1}, {"a": 1.5}, {"a": "1"}, {"a": []any{"b"}}, {"a": `["b"]`}, {"a": json.RawMessage(`{"b":1}`)},
		{"a": "x", "c": "y"}, {"a": "xncsy"}, deep("x"), deep("y"), deep(nil), {"a": "b\x00"}, {"a\x00": "b"},
	}
	seen := make(map[string]string)
	for _, key := range []string{sharedKey, sharedKey + "0", "0" + sharedKey, sharedKey + "nasb"} {
		for _, c := range claims {
			token, what := mint(t, m, now, key, c), fmt.Sprintf("%q with %q", c, key)
			if other := seen[token]; other != "" {
				t.Errorf("%s got the token of %s", what, other)
			}
			seen[token] = what
			_, got := verify(t, token, key)
			want := map[string]any{"iat": now.Unix(), "exp": now.Unix() + 300}
			maps.Copy(want, c)
			if gotText, wantText := text(t, got), text(t, want); gotText != wantText {
				t.Errorf("claims: got %s, want %s", gotText, wantText)
			}
		}
	}
	if tokens, _ := m.Kept(); tokens != len(seen) {
		t.Errorf("%d tokens are kept, want %d", tokens, len(seen))
	}
}

// text gives JSON with sorted members.
func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheOrderOfClaimsDoesNotMatter(t *testing.T) {
	m := jwt.NewMinter(jwt.Config{Algorithm: "HS256"})
	first := ""
	for i := range 50 {
		claims := make(map[string]any)
		for j := range 40 {
			name := fmt.Sprintf("c%d", (i*7+j)%40)
			claims[name] = map[string]any{name: "x", "z": "y"}
		}
		token := mint(t, m, now, sharedKey, claims)
		if first == "" {
			first = token
		}
		if tokens, _ := m.Kept(); token != first || tokens != 1 {
			t.Fatalf("%d tokens are kept, want 1", tokens)
		}
	}
}

func TestTheCallersClaimsStayAsTheyAre(t *testing.T) {
	claims := map[string]any{"iss": "signpost"}
	mint(t, jwt.NewMinter(jwt.Config{Algorithm: "HS256"}), now, sharedKey, claims)
	if len(claims) != 1 {
		t.Errorf("got %v, want iss alone", claims)
	}
}

func TestAHundredWaitingCallsSignOnce(t *testing.T) {
	// Two signatures of ECDSA are never equal, so equal tokens were signed once.
	m := jwt.NewMinter(jwt.Config{Algorithm: "ES256"})
	key := sec1(t, keys().ec)
	for round := range 20 {
		var wg sync.WaitGroup
		got, start := make([]string, 100), make(chan struct{})
		at := now.Add(time.Duration(round) * time.Hour)
		for i := range got {
			wg.Go(func() {
				<-start
				got[i], _ = m.Token(at, key, map[string]any{"iss": "signpost"})
			})
		}
		close(start)
		wg.Wait()
		for i := range got {
			if got[i] == "" || got[i] != got[0] {
				t.Fatalf("round %d: call %d got %q, want %q", round, i, got[i], got[0])
			}
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := jwt.NewMinter(jwt.Config{Algorithm: "HS256"})
	for i := range jwt.MaxTokens + 100 {
		mint(t, m, now, sharedKey, map[string]any{"sub": i})
	}
	if tokens, signers := m.Kept(); tokens != jwt.MaxTokens || signers != 0 {
		t.Errorf("%d tokens and %d shared keys are kept, want %d and none", tokens, signers, jwt.MaxTokens)
	}
	m = jwt.NewMinter(jwt.Config{Algorithm: "EdDSA"})
	for i := range jwt.MaxSigners + 100 {
		if _, err := m.Token(now, fmt.Sprint("no key ", i), nil); !errors.Is(err, jwt.ErrKey) {
			t.Fatalf("got %v, want an ErrKey", err)
		}
	}
	if _, signers := m.Kept(); signers != jwt.MaxSigners {
		t.Errorf("%d keys are kept, want %d", signers, jwt.MaxSigners)
	}
}

func TestWhatWasNotUsedForLongestIsForgotten(t *testing.T) {
	m := jwt.NewMinter(jwt.Config{Algorithm: "ES256"})
	m.Size(2)
	key := sec1(t, keys().ec)
	token := func(sub string) string { return mint(t, m, now, key, map[string]any{"sub": sub}) }
	a, b := token("a"), token("b")
	if token("a") != a {
		t.Fatal("a was signed twice within the bound")
	}
	token("c")
	if token("a") != a {
		t.Error("a was forgotten, though b was not used for longer")
	}
	if token("b") == b {
		t.Error("b was kept beyond the bound")
	}
}

func TestClaimsThatCannotBeSignedAreRefused(t *testing.T) {
	const secret = "hunter2-hunter2"
	m := jwt.NewMinter(jwt.Config{Algorithm: "HS256"})
	circle := map[string]any{}
	circle[secret] = circle
	for want, claims := range map[string]map[string]any{
		`"iat" is set by the gateway`:         {"iat": secret},
		`"exp" is set by the gateway`:         {"exp": 4e9},
		`"a" is not JSON`:                     {"a": math.NaN()},
		`"b" is not JSON`:                     {"b": json.RawMessage(`{"` + secret)},
		`"c" is not JSON`:                     {"c": circle},
		`"d" is not JSON`:                     {"d": json.Number(secret)},
		`expected at most 8192`:               {"e": strings.Repeat(secret, 1000)},
		`10040 bytes are too many: expected `: {"f": strings.Repeat("\n", 4999)},
	} {
		token, err := m.Token(now, sharedKey, claims)
		if !errors.Is(err, jwt.ErrClaims) || token != "" {
			t.Errorf("got %q and %v, want an ErrClaims: %s", token, err, want)
			continue
		}
		if got := err.Error(); !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("got the error %q, want one with %q and without values", got, want)
		}
	}
}

func TestAKeyThatIsRotatedSignsFromTheNextCallOn(t *testing.T) {
	k := keys()
	m := jwt.NewMinter(jwt.Config{Algorithm: "RS256"})
	verify(t, mint(t, m, now, pkcs1(k.rsa), nil), &k.rsa.PublicKey)
	verify(t, mint(t, m, now, pkcs1(k.other), nil), &k.other.PublicKey)
	verify(t, mint(t, m, now, pkcs1(k.rsa), nil), &k.rsa.PublicKey)
}

func TestNoKeyIDLeavesKidOut(t *testing.T) {
	header, _ := verify(t, mint(t, jwt.NewMinter(jwt.Config{Algorithm: "HS256"}), now, sharedKey, nil), sharedKey)
	if kid, ok := header["kid"]; ok {
		t.Errorf("got kid %v, want none", kid)
	}
}

func TestAConfigurationIsToldAllItsMistakes(t *testing.T) {
	long := strings.Repeat("k", 257)
	for _, c := range []struct {
		config jwt.Config
		want   []string // What each line begins with.
	}{
		{jwt.Config{Algorithm: "RS256"}, nil},
		{jwt.Config{Algorithm: "ES256", KeyID: long[1:], TTL: 10 * time.Second}, nil},
		{jwt.Config{Algorithm: "EdDSA", KeyID: "key 1 of ü", TTL: 24 * time.Hour}, nil},
		{jwt.Config{}, []string{`alg: "" is not an algorithm: expected RS256, ES256, EdDSA, HS256`}},
		{jwt.Config{Algorithm: "rs256"}, []string{`alg: "rs256"`}},
		{jwt.Config{Algorithm: "none", KeyID: long, TTL: 9 * time.Second}, []string{`alg: "none"`, "kid: 257 bytes", "ttl: 9s is out of range: expected 10s to 24h"}},
		{jwt.Config{Algorithm: "HS256", KeyID: "a\nb", TTL: 25 * time.Hour}, []string{`kid: "a\nb" holds`, "ttl: 25h0m0s"}},
		{jwt.Config{Algorithm: "HS256", KeyID: "a\xff", TTL: -time.Second}, []string{`kid: "a\xff"`, "ttl: -1s"}},
		{jwt.Config{Algorithm: "HS256", TTL: 10500 * time.Millisecond}, []string{"ttl: 10.5s is not whole seconds"}},
	} {
		compareLines(t, fmt.Sprintf("%+v", c.config), c.config.Validate(), c.want)
	}
}

func TestNamesOfClaimsAreToldAllTheirMistakes(t *testing.T) {
	for _, c := range []struct{ names, want []string }{
		{nil, nil},
		{[]string{"iss", "sub", "aud", "nbf", "jti", "https://example.com/scope", "IAT"}, nil},
		{[]string{"iat", "iss", "exp"}, []string{`the claim "iat" is set by the gateway`, `the claim "exp" is set by the gateway`}},
		{[]string{"iss", "", "iss"}, []string{"a claim without a name", `the claim "iss" comes twice`}},
	} {
		compareLines(t, fmt.Sprintf("%q", c.names), jwt.ValidateClaims(c.names), c.want)
	}
}

func compareLines(t *testing.T, what string, err error, want []string) {
	t.Helper()
	var got []string
	if err != nil {
		got = strings.Split(err.Error(), "\n")
	}
	if len(got) != len(want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
		return
	}
	for i := range got {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%s: got %q, want %q", what, got[i], want[i])
		}
	}
}
