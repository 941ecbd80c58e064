package oauth2_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy/oauth2"
)

const tokenURL = "https://auth.example/token"

func TestATokenIsKeptAndRenewedBeforeItExpires(t *testing.T) {
	for _, c := range []struct{ lifetime, renews, ends time.Duration }{
		{time.Hour, time.Hour - time.Minute, time.Hour - 5*time.Second},
		{5 * time.Minute, 270 * time.Second, 295 * time.Second},
		{20 * time.Second, 18 * time.Second, 19 * time.Second},
	} {
		t.Run(c.lifetime.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := granting(c.lifetime, 100*time.Millisecond)
				s, cr, start := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL), time.Now()
				token, err := s.Token(t.Context(), start, cr)
				if want := start.Add(c.lifetime); err != nil || !token.Expires.Equal(want) {
					t.Fatalf("expires: got %s and %v, want %s", token.Expires, err, want)
				}
				time.Sleep(time.Until(start.Add(c.renews - 1)))
				wantToken(t, s, cr, "token-1")
				synctest.Wait()
				e.want(t, 1, "before it is due")

				time.Sleep(time.Nanosecond)
				for range 10 { // One request, however many calls go on with the old one.
					wantToken(t, s, cr, "token-1")
					synctest.Wait()
				}
				e.want(t, 2, "when it is due")
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
				wantToken(t, s, cr, "token-2")

				// The second is counted from when it was asked for, and nobody calls while it could be renewed.
				time.Sleep(time.Until(start.Add(c.renews + c.ends - 1)))
				wantToken(t, s, cr, "token-2")
				time.Sleep(time.Second)
				wantToken(t, s, cr, "token-3")
				e.want(t, 3, "after that")
			})
		})
	}
}

func TestACallWaitsWhereTheTokenHasExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := granting(time.Minute, time.Second)
		s, cr := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL)
		wantToken(t, s, cr, "token-1")
		time.Sleep(time.Minute)
		start := time.Now()
		wantToken(t, s, cr, "token-2")
		if got := time.Since(start); got != time.Second {
			t.Errorf("waited %s, want 1s", got)
		}
	})
}

func TestATokenOfANegativeLifetimeServesOnlyThoseWhoWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := granting(-time.Hour, time.Second)
		s, cr := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL)
		for round := range 3 {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if got, err := get(s, cr); got != fmt.Sprint("token-", round+1) || err != nil {
						t.Errorf("round %d: got %q and %v", round, got, err)
					}
				})
			}
			wg.Wait()
		}
		e.want(t, 3, "in three rounds")
	})
}

func TestAnEndpointThatHangsIsGivenUpAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: hang}
		s, cr, start := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL), time.Now()
		_, err := get(s, cr)
		wantError(t, err, oauth2.Unreachable, "The token endpoint did not answer within 10s.")
		if got := time.Since(start); got != oauth2.MaxFlight || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %s: got %v, want a deadline after 10s", got, err)
		}
	})
}

func TestAnAnswerThatHangsIsGivenUpAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(_ int64, r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: hangingBody{r.Context()}, Request: r}, nil
		}}
		s, start := oauth2.NewSource(oauth2.Config{}, e), time.Now()
		_, err := get(s, credentialsFor(tokenURL))
		wantError(t, err, oauth2.Unreachable, "The token endpoint did not answer within 10s.")
		if got := time.Since(start); got != oauth2.MaxFlight {
			t.Errorf("waited %s, want 10s", got)
		}
	})
}

// hangingBody ends with its request.
type hangingBody struct{ ctx context.Context }

func (b hangingBody) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func (hangingBody) Close() error { return nil }

func TestAFailureIsRememberedForASecond(t *testing.T) {
	for name, fail := range map[string]func(int64, *http.Request) (*http.Response, error){
		"hangs":  hang,
		"503":    func(_ int64, r *http.Request) (*http.Response, error) { return say(r, 503, "") },
		"denied": func(_ int64, r *http.Request) (*http.Response, error) { return say(r, 401, "") },
		"dials":  func(int64, *http.Request) (*http.Response, error) { return nil, errors.New("no route") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{answer: fail}
				s, cr := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL)
				_, first := get(s, cr)
				time.Sleep(time.Second - 1)
				if _, err := get(s, cr); first == nil || !errors.Is(err, first) {
					t.Errorf("got %v, want the same error as before: %v", err, first)
				}
				e.want(t, 1, "within a second")
				e.answer = granting(time.Hour, 0).answer
				time.Sleep(time.Nanosecond)
				wantToken(t, s, cr, "token-2")
			})
		})
	}
}

func TestARenewalThatFailsIsTriedAgainWhileTheOldTokenIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := granting(5*time.Minute, 0)
		s, cr, start := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL), time.Now()
		wantToken(t, s, cr, "token-1")
		e.answer = func(_ int64, r *http.Request) (*http.Response, error) { return say(r, 503, "") }
		time.Sleep(270 * time.Second)
		for time.Since(start) < 295*time.Second {
			wantToken(t, s, cr, "token-1")
			synctest.Wait()
			time.Sleep(100 * time.Millisecond)
		}
		e.want(t, 1+25, "once a second for 25 seconds")
		time.Sleep(time.Second)
		_, err := get(s, cr)
		wantError(t, err, oauth2.Unreachable, "The token endpoint answered with status 503.")
	})
}

func TestRenewalsThatBringNothingToKeepDoNotFollowOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := granting(5*time.Minute, 0)
		s, cr := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL)
		wantToken(t, s, cr, "token-1")
		e.answer = granting(-1*time.Second, 0).answer
		time.Sleep(280 * time.Second)
		for range 20 {
			wantToken(t, s, cr, "token-1")
			synctest.Wait()
			time.Sleep(100 * time.Millisecond)
		}
		e.want(t, 1+2, "in two seconds")
	})
}

func TestARefusedTokenIsAskedForAnewOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := granting(time.Hour, time.Second)
		s, cr := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL)
		s.Refuse(cr, "token-1") // Nothing is kept yet.
		wantToken(t, s, cr, "token-1")
		s.Refuse(cr, "token-0")
		wantToken(t, s, cr, "token-1")

		var wg sync.WaitGroup
		for range 100 { // All had the first one, and all were refused.
			wg.Go(func() {
				s.Refuse(cr, "token-1")
				if got, err := get(s, cr); got != "token-2" || err != nil {
					t.Errorf("got %q and %v, want token-2", got, err)
				}
				s.Refuse(cr, "token-1")
			})
		}
		wg.Wait()
		wantToken(t, s, cr, "token-2")
		e.want(t, 2, "after a hundred refusals")
	})
}

func TestWhereNoTokenIsKeptThereIsNothingToRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := granting(time.Hour, 100*time.Millisecond)
		s, cr := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL)
		go get(s, cr)
		synctest.Wait()
		s.Refuse(cr, "")
		wantToken(t, s, cr, "token-1")
		s.Refuse(cr, "token-1")
		wantToken(t, s, cr, "token-2")
	})
}

func TestAThirdPartyThatRefusesEverythingForcesOneTokenASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := granting(time.Hour, 0)
		s, cr := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL)
		for range 100 {
			token, err := get(s, cr)
			if err != nil {
				t.Fatal(err)
			}
			s.Refuse(cr, token)
			time.Sleep(50 * time.Millisecond)
		}
		e.want(t, 1+5, "in five seconds")
	})
}

func TestACallWhoseContextEndsLeavesTheRequestToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		e := granting(time.Hour, 3*time.Second)
		inner := e.answer
		e.answer = func(n int64, r *http.Request) (*http.Response, error) {
			if r.Context().Value(key{}) != nil {
				t.Error("the request's context holds a value of the call")
			}
			resp, err := inner(n, r)
			if r.Context().Err() != nil {
				t.Error("the request ended with the call")
			}
			return resp, err
		}
		s, cr, start := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL), time.Now()
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "bot"), time.Second)
		defer cancel()
		if _, err := s.Token(ctx, time.Now(), cr); !endedAs(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %s: got %v, want the deadline after 1s", time.Since(start), err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Token(gone, time.Now(), cr); !endedAs(err, context.Canceled) {
			t.Errorf("got %v, want that the call was canceled", err)
		}
		wantToken(t, s, cr, "token-1")
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("waited %s, want 3s", got)
		}
		if token, err := s.Token(gone, time.Now(), cr); token.Value != "token-1" || err != nil {
			t.Errorf("got %v, want the token that is kept", err)
		}
		e.want(t, 1, "by all three")
		other := cr
		other.ID = "other"
		if _, err := s.Token(gone, time.Now(), other); !endedAs(err, context.Canceled) {
			t.Errorf("got %v, want that the call was canceled", err)
		}
		e.want(t, 1, "by nobody")
	})
}

func TestCredentialsHaveTheirOwnTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := oauth2.NewSource(oauth2.Config{}, granting(time.Hour, 0))
		acme, globex := credentialsFor(tokenURL), credentialsFor(tokenURL)
		globex.Secret = "rotated"
		wantToken(t, s, acme, "token-1")
		wantToken(t, s, globex, "token-2")
		wantToken(t, s, acme, "token-1")
	})
}

func TestMemoryIsBounded(t *testing.T) {
	s := oauth2.NewSource(oauth2.Config{}, granting(time.Hour, 0))
	first := credentialsFor(tokenURL)
	first.ID = "0"
	for i := range oauth2.MaxEntries + 10 {
		cr := credentialsFor(tokenURL)
		cr.ID = fmt.Sprint(i)
		wantToken(t, s, cr, fmt.Sprint("token-", i+1))
		if i%1000 == 0 {
			wantToken(t, s, first, "token-1") // Used now and then, it is never forgotten.
		}
	}
	wantToken(t, s, first, "token-1")
	if got := s.Kept(); got != oauth2.MaxEntries {
		t.Errorf("%d credentials are known, want %d", got, oauth2.MaxEntries)
	}
}

func TestRequestsUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: hang}
		s := oauth2.NewSource(oauth2.Config{}, e)
		var wg sync.WaitGroup
		for i := range oauth2.MaxFlights {
			wg.Go(func() {
				cr := credentialsFor(tokenURL)
				cr.ID = fmt.Sprint(i)
				_, err := get(s, cr)
				wantError(t, err, oauth2.Unreachable, "The token endpoint did not answer within 10s.")
			})
		}
		synctest.Wait()
		_, err := get(s, credentialsFor(tokenURL))
		wantError(t, err, oauth2.Unreachable, "Too many requests for access tokens are under way.")
		wg.Wait()
		e.want(t, oauth2.MaxFlights, "at once")
		e.answer = granting(time.Hour, 0).answer
		wantToken(t, s, credentialsFor(tokenURL), fmt.Sprint("token-", oauth2.MaxFlights+1))
	})
}

func TestATransportThatPanicsEndsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(int64, *http.Request) (*http.Response, error) { panic("s3cr3t") }}
		s, cr := oauth2.NewSource(oauth2.Config{}, e), credentialsFor(tokenURL)
		_, err := get(s, cr)
		if e := wantError(t, err, oauth2.Unreachable, "The token endpoint could not be reached."); e.Unwrap() == nil {
			t.Error("got no cause, want one")
		}
		e.answer = granting(time.Hour, 0).answer
		time.Sleep(time.Second)
		wantToken(t, s, cr, "token-2")
	})
}

func TestTheCallersClockDecidesWhetherATokenIsGood(t *testing.T) {
	s, cr := oauth2.NewSource(oauth2.Config{}, granting(time.Hour, 0)), credentialsFor(tokenURL)
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		now  time.Time
		want string
	}{{at, "token-1"}, {at.Add(58 * time.Minute), "token-1"}, {at.Add(time.Hour), "token-2"}, {at.Add(90 * time.Minute), "token-2"}} {
		if got, err := s.Token(t.Context(), c.now, cr); got.Value != c.want || err != nil {
			t.Errorf("at %s: got %q and %v, want %s", c.now, got.Value, err, c.want)
		}
	}
}
