package api

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// maxNearest is how many tenants GET tenants gives.
const maxNearest = 50

// nearAnswer is a tenant and the limit that it is nearest to.
type nearAnswer struct {
	Tenant    string  `json:"tenant"`
	Plan      string  `json:"plan"`
	Scope     string  `json:"scope"`
	Window    string  `json:"window"`
	Limit     int     `json:"limit"`
	Remaining int     `json:"remaining"`
	UsedShare float64 `json:"used_share"`
	ResetMS   int64   `json:"reset_ms"`
}

// limitAnswer is what is left of a limit.
type limitAnswer struct {
	Scope     string `json:"scope"`
	Window    string `json:"window"`
	Limit     int    `json:"limit"`
	Remaining int    `json:"remaining"`
	ResetMS   int64  `json:"reset_ms"`
	Shared    bool   `json:"shared"`
}

// tenantAnswer is what GET tenants/<tenant> gives.
type tenantAnswer struct {
	Name     string          `json:"name"`
	Plan     string          `json:"plan"`
	Known    bool            `json:"known"`
	Limits   []limitAnswer   `json:"limits"`
	Breakers []breakerAnswer `json:"breakers"`
}

// tenants tells which tenants are nearest to a limit of theirs, by what is left
// at the moment.
func (a *api) tenants(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	answers := []nearAnswer{}
	for _, near := range run.Nearest.Top(time.Now(), maxNearest) {
		info, err := run.Gateway.Tenant(near.Tenant, false)
		if err != nil {
			continue // Not reached: it has called.
		}
		if answer, some := nearestOf(&info); some {
			answers = append(answers, answer)
		}
	}
	slices.SortStableFunc(answers, func(a, b nearAnswer) int {
		return cmp.Or(cmp.Compare(b.UsedShare, a.UsedShare), strings.Compare(a.Tenant, b.Tenant))
	})
	return map[string]any{"tenants": answers}, nil
}

// nearestOf gives the tenant's own limit of which the largest share is used, if
// anything is.
func nearestOf(t *policy.TenantInfo) (nearest nearAnswer, some bool) {
	for _, l := range t.Limits {
		used := float64(l.Limit-l.Remaining) / float64(max(l.Limit, 1))
		if l.Shared || used <= nearest.UsedShare {
			continue
		}
		nearest, some = nearAnswer{
			Tenant: t.Name, Plan: t.Plan, Scope: l.Scope, Window: l.Window, Limit: l.Limit, Remaining: l.Remaining,
			UsedShare: used, ResetMS: wholeMillis(time.Duration(l.Reset)),
		}, true
	}
	return nearest, some
}

// tenant tells how one tenant stands. One that never called has all its limits
// left.
func (a *api) tenant(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	info, err := run.Gateway.Tenant(r.PathValue("tenant"), false)
	if err != nil {
		return nil, bad("This cannot be a tenant: %v.", err)
	}
	answer := tenantAnswer{Name: info.Name, Plan: info.Plan, Known: info.Known, Limits: []limitAnswer{}, Breakers: []breakerAnswer{}}
	for _, l := range info.Limits {
		answer.Limits = append(answer.Limits, limitAnswer{
			Scope: l.Scope, Window: l.Window, Limit: l.Limit, Remaining: l.Remaining, ResetMS: wholeMillis(time.Duration(l.Reset)), Shared: l.Shared,
		})
	}
	for i := range info.Breakers {
		answer.Breakers = append(answer.Breakers, breakerOf(&info.Breakers[i]))
	}
	return answer, nil
}
