//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// openShop starts a third party as they are: orders that are shipped (1…), paid
// (2…), unknown (4…), that fail (5…) and that hang (9…). POST /control/<word>
// changes it: moved and back give the members of its answers other names and
// their first ones, busy has it take its time, as real ones do.
func openShop(t *testing.T) *httptest.Server {
	t.Helper()
	var moved, busy atomic.Bool
	mux := http.NewServeMux()
	mux.HandleFunc("POST /control/{word}", func(w http.ResponseWriter, r *http.Request) {
		switch r.PathValue("word") {
		case "moved", "back":
			moved.Store(r.PathValue("word") == "moved")
		case "busy":
			busy.Store(true)
		default:
			http.NotFound(w, r)
		}
	})
	mux.HandleFunc("GET /v2/orders/{number}", func(w http.ResponseWriter, r *http.Request) {
		order(w, r, moved.Load())
	})
	mux.HandleFunc("POST /v2/orders", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, `{"ok":false,"error":"the shop is closed on Sundays"}`)
	})
	mux.HandleFunc("GET /v2/products/{sku}", func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, http.StatusOK, fmt.Sprintf(`{"sku":%q,"name":"Teapot, blue","price":19.5,"stock":{"berlin":4,"lyon":0}}`, r.PathValue("sku")))
	})
	mux.HandleFunc("GET /v2/customers/{email}", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, `{"name":"Ada","tier":"gold","since":2019}`)
	})
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if busy.Load() {
			select {
			case <-time.After(time.Duration(20+crc32.ChecksumIEEE([]byte(r.URL.Path))%70) * time.Millisecond):
			case <-r.Context().Done():
			}
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(shop.Close)
	return shop
}

// order answers what is known of an order.
func order(w http.ResponseWriter, r *http.Request, moved bool) {
	number := r.PathValue("number")
	status := "shipped"
	switch number[0] {
	case '2':
		status = "paid"
	case '4':
		answerJSON(w, http.StatusNotFound, `{"error":"no such order"}`)
		return
	case '5':
		answerJSON(w, http.StatusServiceUnavailable, `{"error":"out of order"}`)
		return
	case '9':
		<-r.Context().Done()
		return
	}
	member, eta := "status", "eta"
	if moved {
		member, eta = "state", "arrives"
	}
	answerJSON(w, http.StatusOK, fmt.Sprintf(`{"order":{"number":%q,%q:%q,"delivery":{%q:"2026-11-23","carrier":"Parcel & Post"},`+
		`"items":[{"name":"Teapot, blue","price":19.5},{"name":"Cups, six","price":24}],"total":43.5}}`, number, member, status, eta))
}

func answerJSON(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// Hostile texts: markup that runs where it is taken for HTML, an address that
// is a script, and characters that hide what stands beside them.
const (
	hostileScript = `<script>canary("script")</script>`
	hostileImage  = `"'><img src=x onerror=canary("image")>`
	hostileLink   = `javascript:canary("link")`
	hostileBidi   = "user\u202etxt.exe\u2066\u200b\u0007\u0000\u001b[31m"
)

// openMalice starts a third party that answers with what a page must not take
// for its own, by the last word of the path.
func openMalice(t *testing.T) *httptest.Server {
	t.Helper()
	texts := map[string]string{
		"script": hostileScript,
		"html":   "<!DOCTYPE html><body onload=canary(1)>" + hostileScript + hostileImage + `<iframe src="` + hostileLink + `">`,
		"nulls":  "a\x00b\x1b[31mc" + hostileBidi,
		"broken": "\xff\xfe broken \xc3( \xed\xa0\x80 " + hostileScript,
		"binary": string(bytes.Repeat([]byte{0x89, 'P', 'N', 'G', 0, 1, 0xfe, 0xff}, 500)),
		"word":   `{"word":"` + strings.Repeat("W", 10<<10) + `"}`,
		"big":    `{"big":"` + strings.Repeat("<b>big</b>", 1<<20) + `"}`,
		"deep":   strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100),
	}
	malice := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		word := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		text, kind := texts[word], "application/json"
		if text == "" {
			text = maliceTree
		} else if text[0] != '{' {
			kind = "text/html; charset=utf-7"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("X-Markup", hostileScript+hostileImage)
		w.Header().Set("X-Bytes", "caf\xe9 \xff \xe2\x80\xae")
		w.Header().Set("Location", hostileLink)
		w.Header().Set("Content-Security-Policy", "default-src *")
		if word == "refuse" {
			w.WriteHeader(http.StatusTeapot)
		}
		io.WriteString(w, text)
	}))
	t.Cleanup(malice.Close)
	return malice
}

// maliceTree is an answer whose members and values are hostile.
const maliceTree = `{"status":"<script>canary(\"script\")</script>","<img src=x onerror=canary(1)>":"\"'><img src=x onerror=canary(2)>",` +
	`"link":"javascript:canary(3)","\u202etxt.exe":"\u0000\u001b[31m\u2066\ud800","__proto__":{"constructor":"x"},` +
	`"a.b['c']":{"":["</code></pre><svg onload=canary(4)>"]},"number":12345678901234567890}`
