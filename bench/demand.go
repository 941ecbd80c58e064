package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// botsEach is how many calls to one sidecar may be under way at a time.
const botsEach = 8

// demanded is a call that a bot made, as the bot saw it. It was let out, or
// refused, somewhere between the two.
type demanded struct {
	begun, ended time.Duration // Since the demand began.
	letOut       bool
}

// bot makes calls to one sidecar, one after the other.
type bot struct {
	client *http.Client
	url    string
	tenant string
	first  time.Duration // when its first call is due, since the demand began
	every  time.Duration // and the others after it
	calls  []demanded
	err    error
}

// demand has bots call the sidecars on behalf of a tenant, rate calls a second in
// all, evenly over sidecars and time, for that long. A call that is late is made
// at once.
func demand(ctx context.Context, sidecars []*gateway, tenant string, rate float64, length time.Duration) ([]demanded, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: botsEach, DisableCompression: true}
	defer transport.CloseIdleConnections()
	all := make([]*bot, len(sidecars)*botsEach)
	due := float64(time.Second) / rate
	for i := range all {
		all[i] = &bot{
			client: &http.Client{Transport: transport, Timeout: startPatience},
			url:    sidecars[i%len(sidecars)].url,
			tenant: tenant,
			first:  time.Duration(float64(i) * due),
			every:  time.Duration(float64(len(all)) * due),
		}
	}
	begun := time.Now()
	var running sync.WaitGroup
	for _, b := range all {
		running.Go(func() { b.err = b.run(ctx, begun, length) })
	}
	running.Wait()
	var calls []demanded
	var failed []error
	for _, b := range all {
		calls, failed = append(calls, b.calls...), append(failed, b.err)
	}
	return calls, errors.Join(failed...)
}

// run makes calls until the time is over.
func (b *bot) run(ctx context.Context, begun time.Time, length time.Duration) error {
	for at := b.first; at < length; at += b.every {
		if err := pause(ctx, at-time.Since(begun)); err != nil {
			return err
		}
		call := demanded{begun: time.Since(begun)}
		var err error
		if call.letOut, err = b.call(ctx); err != nil {
			return err
		}
		call.ended = time.Since(begun)
		b.calls = append(b.calls, call)
	}
	return nil
}

// call makes one call, and tells whether it was let out. Any other answer than
// the third party's and a refusal for the limit is an error.
func (b *bot) call(ctx context.Context) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url, nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("X-Tenant-ID", b.tenant)
	resp, err := b.client.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return false, err
	}
	switch outcome := resp.Header.Get("Signpost-Outcome"); outcome {
	case "success":
		return true, nil
	case "rate_limited":
		return false, nil
	default:
		return false, fmt.Errorf("a call came to %s: %s", outcome, resp.Header.Get("Signpost-Reason"))
	}
}

// admitted gives the calls that were let out, in the order in which they began.
func admitted(calls []demanded) []demanded {
	letOut := slices.DeleteFunc(slices.Clone(calls), func(c demanded) bool { return !c.letOut })
	slices.SortFunc(letOut, func(a, b demanded) int { return cmp.Compare(a.begun, b.begun) })
	return letOut
}

// fullestSpan is the largest number of calls that were let out within one span of
// the window's length, whenever between its beginning and its end each of them
// was: nothing is counted that might not be so. The calls are in the order in
// which they began.
func fullestSpan(letOut []demanded, window time.Duration) int {
	fullest := 0
	for i, first := range letOut {
		within := 0
		for _, c := range letOut[i:] {
			if c.begun >= first.begun+window {
				break
			}
			if c.ended < first.begun+window {
				within++
			}
		}
		fullest = max(fullest, within)
	}
	return fullest
}

// meanSpan is how many calls a span of the window's length holds, as the mean of
// all spans that end from one window after the beginning to the end of a time
// that is longer than that. A call counts where it ended.
func meanSpan(letOut []demanded, window, length time.Duration) float64 {
	var covered time.Duration // How long spans hold them, of all calls together.
	for _, c := range letOut {
		covered += max(min(c.ended+window, length)-max(c.ended, window), 0)
	}
	return float64(covered) / float64(length-window)
}
