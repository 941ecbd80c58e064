// Command go is a bot that asks for an order through Signpost.
//
//	go run ./examples/clients/go <order> [<tenant>]
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "want the number of an order")
		os.Exit(2)
	}
	tenant := "acme"
	if len(os.Args) > 2 {
		tenant = os.Args[2]
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	fmt.Println(answer(ctx, os.Args[1], tenant))
}

// answer is what the bot says about the order.
func answer(ctx context.Context, order, tenant string) string {
	header := ask(ctx, order, tenant)
	switch header.Get("Signpost-Route") {
	case "shipped":
		eta, err := url.PathUnescape(header.Get("Signpost-Var-Eta"))
		if err != nil {
			eta = "soon"
		}
		return fmt.Sprintf("Order %s is on its way and arrives %s.", order, eta)
	case "not_found":
		return fmt.Sprintf("I cannot find order %s.", order)
	case "busy":
		return fmt.Sprintf("That was a lot of questions. Please ask again in %s seconds.", header.Get("Retry-After"))
	default:
		return "The store is not answering. Let me ask a colleague."
	}
}

// ask gives the header of the answer; none when the gateway is away.
func ask(ctx context.Context, order, tenant string) http.Header {
	gateway := cmp.Or(os.Getenv("SIGNPOST_URL"), "http://localhost:8080")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, gateway+"/store/orders/"+url.PathEscape(order), nil)
	if err != nil {
		return nil
	}
	req.Header.Set("X-Tenant-ID", tenant)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // The connection is free for the next question.
	return resp.Header
}
