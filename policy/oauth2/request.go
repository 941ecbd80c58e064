package oauth2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// ask asks for a token, once: the library would try both ways to authenticate
// if it were not told which.
func ask(ctx context.Context, c Config, transport http.RoundTripper, cr Credentials) (grant, *Error) {
	style := oauth2.AuthStyleInHeader
	if c.AuthInBody {
		style = oauth2.AuthStyleInParams
	}
	request := clientcredentials.Config{
		ClientID: cr.ID, ClientSecret: cr.Secret, TokenURL: cr.TokenURL, Scopes: c.Scopes, EndpointParams: cr.Params, AuthStyle: style,
	}
	h := &hearing{base: transport}
	_, err := request.Token(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: h}))
	if err == nil {
		return h.granted, nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return grant{}, e
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // The URL may hold a secret.
	}
	return grant{}, silence(err)
}

// silence gives the error for an endpoint from which nothing was heard.
func silence(cause error) *Error {
	e := &Error{Kind: Unreachable, reason: "The token endpoint could not be reached.", cause: cause}
	if errors.Is(cause, context.DeadlineExceeded) {
		e.reason = fmt.Sprintf("The token endpoint did not answer within %s.", maxFlight)
	}
	return e
}

// hearing is the transport of one request. It judges the answer in the
// library's place, which reads half of one that is too long, takes a lifetime
// with a fraction for no answer at all, and puts the endpoint's text into its
// errors. The library gets what is left when all that was looked at.
type hearing struct {
	base    http.RoundTripper
	granted grant
}

// RoundTrip gives an error, an *Error where there was an answer, or a plain
// answer with the token that it has left in h.granted. As a redirect is an
// error, none is ever followed.
func (h *hearing) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	// Some endpoints answer with a form where nothing is said.
	req.Header.Set("Accept", "application/json")
	resp, err := h.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, failure := read(resp)
	if failure == nil {
		h.granted, failure = judge(resp.StatusCode, body)
	}
	if failure != nil {
		return nil, failure
	}
	plain, err := json.Marshal(map[string]string{"access_token": h.granted.value, "token_type": "bearer"})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(string(plain))),
		Request:    req,
	}, nil
}

// read gives the body where it matters: of a token, and of what may say why
// there is none.
func read(resp *http.Response) ([]byte, *Error) {
	if class := resp.StatusCode / 100; class != 2 && class != 4 {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, silence(err)
	case err != nil:
		return nil, &Error{Kind: Unreachable, Status: resp.StatusCode, reason: "The token endpoint's answer broke off.", cause: err}
	case len(body) > maxAnswer:
		return nil, &Error{Kind: Unreachable, Status: resp.StatusCode, reason: "The token endpoint's answer is too long."}
	}
	return body, nil
}
