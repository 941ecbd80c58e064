package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// bot answers questions about orders.
type bot struct {
	gateway *policy.Gateway
	client  *http.Client
}

// newBot makes a bot that asks the store at that base URL. Close it when it is
// no longer needed.
func newBot(store string) (*bot, error) {
	gateway, err := policy.New(policy.Spec{
		Plans: []policy.Plan{{Name: "default", RateLimits: []policy.RateLimit{{Rate: "3/m"}}}},
		Policies: []policy.PolicySpec{{
			Name:    "store",
			BaseURL: store,
			Rules:   policy.Rules{Timeout: policy.Duration(2 * time.Second)},
			Operations: []policy.OperationSpec{{
				Name:     "order_status",
				Method:   http.MethodGet,
				Template: "/orders/{{order_number}}",
				Rules: policy.Rules{
					Extracts: []policy.Extract{
						{Var: "status", Path: "$.order.status"},
						{Var: "eta", Path: "$.order.delivery.eta", Default: []byte(`"soon"`)},
					},
					Hints: []policy.Hint{
						{Route: "shipped", When: `vars.status == "shipped"`},
						{Route: "not_found", When: `status == 404`},
						{Route: "busy", When: `outcome == "rate_limited"`},
					},
				},
			}},
		}},
	}, policy.Options{})
	if err != nil {
		return nil, fmt.Errorf("compiling the policies: %w", err)
	}
	if err := gateway.Start(); err != nil {
		return nil, fmt.Errorf("starting the gateway: %w", err)
	}
	return &bot{gateway: gateway, client: &http.Client{
		Transport: gateway.Policy("store"),
		// A redirect is an answer too. Following it would be another call.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// close ends what newBot started.
func (b *bot) close() { b.gateway.Stop() }

// answer is what the bot says about an order to the customer of a tenant. The
// policy always comes back with a route, so there is a sentence for everything.
func (b *bot) answer(ctx context.Context, tenant, number string) (string, error) {
	// The client's transport adds path and query to the policy's base URL; the
	// host of this URL counts for nothing.
	address := "http://store/orders/" + url.PathEscape(number)
	req, err := http.NewRequestWithContext(policy.WithTenant(ctx, tenant), http.MethodGet, address, nil)
	if err != nil {
		return "", fmt.Errorf("making the request: %w", err)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("asking the store: %w", err)
	}
	defer resp.Body.Close()
	// Reading to the end keeps the connection for the next question.
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", fmt.Errorf("reading the store's answer: %w", err)
	}
	switch resp.Header.Get("Signpost-Route") {
	case "shipped":
		eta, err := url.PathUnescape(resp.Header.Get("Signpost-Var-Eta"))
		if err != nil {
			return "", fmt.Errorf("decoding the day of arrival: %w", err)
		}
		return fmt.Sprintf("Order %s is on its way and arrives on %s.", number, eta), nil
	case "not_found":
		return fmt.Sprintf("I cannot find order %s.", number), nil
	case "busy":
		return fmt.Sprintf("That was a lot of questions. Please ask again in %s seconds.", resp.Header.Get("Retry-After")), nil
	default:
		return "The store is not answering. Let me ask a colleague.", nil
	}
}
