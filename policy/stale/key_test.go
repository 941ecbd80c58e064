package stale

import "testing"

func TestEveryPartOfTheKeyKeepsAnswersApart(t *testing.T) {
	base := Key{"t", "p", "o", "GET", "u", HashCredentials(header("Authorization: a"))}
	s := NewStore(0, 0)
	s.Put(start, base, nil, answer("mine"))
	for name, change := range map[string]func(*Key){
		"tenant":      func(k *Key) { k.Tenant = "x" },
		"policy":      func(k *Key) { k.Policy = "x" },
		"operation":   func(k *Key) { k.Operation = "" },
		"method":      func(k *Key) { k.Method = "HEAD" },
		"url":         func(k *Key) { k.URL = "u?" },
		"credentials": func(k *Key) { k.Credentials = HashCredentials(header("Authorization: b")) },
		"none":        func(k *Key) { k.Credentials = HashCredentials(nil) },
	} {
		other := base
		change(&other)
		if got := body(s, other); got != "-" {
			t.Errorf("with another %s: got %q, want nothing", name, got)
		}
	}
	if got := body(s, base); got != "mine" {
		t.Errorf("got %q, want %q", got, "mine")
	}
}

func TestCredentialsAreToldByTheNamesOfTheirHeaders(t *testing.T) {
	plain := header("Accept: x", "User-Agent: bot", "Idempotency-Key: 1", "Traceparent: 00")
	if got := HashCredentials(plain); got != [32]byte{} {
		t.Errorf("HashCredentials(%v) = %x, want zeros", plain, got)
	}
	seen := map[[32]byte]string{{}: "no credentials"}
	for _, line := range []string{
		"Authorization: a", "Authorization: b", "Proxy-Authorization: a", "Cookie: a", "X-Api-Key: a", "Apikey: a",
		"X-Auth-Token: a", "X-Amz-Security-Token: a", "X-Session-Id: a", "X-Signature: a", "Authorization: ",
	} {
		h := header(line, "Accept: x")
		sum := HashCredentials(h)
		if other, ok := seen[sum]; ok {
			t.Errorf("%q and %q have the same hash", line, other)
		}
		seen[sum] = line
		h.Set("Accept", "y")
		if HashCredentials(h) != sum {
			t.Errorf("%q: the hash depends on Accept", line)
		}
	}
	if HashCredentials(header("Cookie: a", "Authorization: b")) == HashCredentials(header("Cookie: b", "Authorization: a")) {
		t.Error("two credentials that change places have the same hash")
	}
}

func BenchmarkHashCredentials(b *testing.B) {
	h := header("Accept: application/json", "User-Agent: bot", "Authorization: Bearer abc", "Content-Type: x", "X-Request-Id: 1")
	b.ReportAllocs()
	for b.Loop() {
		HashCredentials(h)
	}
}
