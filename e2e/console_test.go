//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// updateScreenshots has the console's pictures in docs/images made anew, out of
// two minutes of calls.
var updateScreenshots = flag.Bool("update-screenshots", false, "make the pictures in docs/images anew")

// consoleConfig is a Caddyfile whose console has something to show in each view.
// MALICE is what other people wrote.
const consoleConfig = `{
	admin off
	persist_config off
	storage file_system STORAGE
	signpost {
		plan default {
			rate_limit off
		}
		plan gold {
			rate_limit 600/m
			tenants acme globex
		}
		plan small {
			rate_limit 6/h
			tenants corner-shop
		}
		secrets env WATCHED_
		trace {
			ui http://127.0.0.1:16686/trace/{trace_id}
		}
		alerts {
			smtp OFFICE {
				from signpost@example.com
			}
			webhook HOOK
		}
		policy store SHOP/v2 {
			title "The store"
			inject bearer {secret.store_token}
			timeout 2s
			retry 1 {
				backoff 5ms 20ms
			}
			breaker off
			record 200
			fallback {
				stale 10m
				respond 200 application/json ` + "`" + `{"message":"The store is not answering right now."}` + "`" + `
			}
			operation order_status GET "/orders/{{order_number}}" {
				title "Where is my order?"
				extract status $.order.status
				extract eta $.order.delivery.eta default "unknown"
				extract items $.order.items[*].name
				hint shipped ` + "`" + `vars.status == "shipped"` + "`" + `
				hint preparing ` + "`" + `vars.status in ["paid", "packed"]` + "`" + `
				hint not_found status == 404
				hint slow ` + "`" + `outcome == "timeout" && vars.eta > 3` + "`" + `
			}
			operation place_order POST /orders {
				title "Place an order"
				input product in teapot cups
				input amount number default 1
				json ` + "`" + `{"product":{{product}},"amount":{{amount}},"note":"ordered by {{customer}}"}` + "`" + `
				success body.ok == true
				extract order_number $.order_number required
				otherwise refused
			}
		}
		policy catalog SHOP/v2 {
			title "The catalog"
			rate_limit 1000/m shared
			operation product GET "/products/{{sku}}" {
				extract name $.name
				extract price $.price
				hint affordable vars.price <= 20
				otherwise expensive
			}
		}
		policy crm SHOP/v2 {
			title "Customers"
			concurrency 20 shared
			operation customer GET "/customers/{{email}}" {
				extract tier $.tier
				hint vip ` + "`" + `vars.tier == "gold"` + "`" + `
				otherwise regular
			}
		}
		policy delivery SHOP/v2 {
			title "Parcels and their ways"
			breaker 2 consecutive {
				open 4s
				probes 1
			}
			alert team@example.com
			operation track GET "/orders/{{order_number}}" {
				extract carrier $.order.delivery.carrier
			}
		}
		MALICE
	}
}
:PORT {
	bind 127.0.0.1
	signpost
}
:CONSOLE {
	bind 127.0.0.1
	signpost_console {
		allow_changes
	}
}
:WINDOW {
	bind 127.0.0.1
	signpost_console
}
`

// malicePolicy is a policy with hostile texts and a hostile third party.
const malicePolicy = `policy malice MALICIOUS {
			title "\"'><img src=x onerror=canary(1)><script>canary(2)</script>"
			record 200
			alert team@example.com
			operation tree GET "/tree/{{x}}" {
				title "javascript:canary(3)"
				extract status $.status
				extract link $.link
				hint never ` + "`" + `vars.status == "<script>canary(4)</script>"` + "`" + `
				hint image ` + "`" + `vars.status contains "<script>"` + "`" + `
			}
			operation form POST /form {
				input a in "<img src=x onerror=canary(5)>" b
				json ` + "`" + `{"a":{{a}},"b":{{b}}}` + "`" + `
			}
		}`

// watched is a gateway with a console, and what lies around it. It may be
// started again at the same place.
type watched struct {
	config, port    string
	console, window string // addresses of the console that changes, and of that which does not
	shop, stranger  *httptest.Server
}

// openWatched gives a gateway that is not started yet. extra takes the place of
// MALICE.
func openWatched(t *testing.T, extra string) *watched {
	t.Helper()
	console, window := freePort(t), freePort(t)
	w := &watched{
		port: freePort(t), console: "http://127.0.0.1:" + console, window: "http://127.0.0.1:" + window, shop: openShop(t),
		// Somebody else's site, which browsers come by.
		stranger: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<!DOCTYPE html><title>stranger</title>")
		})),
	}
	t.Cleanup(w.stranger.Close)
	w.config = strings.NewReplacer(
		"MALICE", extra, "STORAGE", filepath.Join(t.TempDir(), "storage"), "PORT", w.port, "CONSOLE", console, "WINDOW", window,
		"SHOP", w.shop.URL, "OFFICE", openRudeOffice(t), "HOOK", w.stranger.URL,
	).Replace(consoleConfig)
	return w
}

// start runs the gateway until the test ends.
func (w *watched) start(t *testing.T) {
	t.Helper()
	start(t, []byte(w.config), w.port, "WATCHED_STORE_TOKEN=token-that-nobody-sees")
}

// openRudeOffice starts a mail server that sends everybody away with a hostile
// text, and gives its address.
func openRudeOffice(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, "554 "+hostileScript+hostileImage+"\r\n")
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return listener.Addr().String()
}

// places are the environment in which the browser's scripts find everything.
func (w *watched) places(t *testing.T, pictures string) []string {
	t.Helper()
	text, err := json.Marshal(map[string]string{
		"gateway": "http://127.0.0.1:" + w.port, "console": w.console, "window": w.window,
		"shop": w.shop.URL, "stranger": w.stranger.URL, "pictures": pictures,
	})
	if err != nil {
		t.Fatal(err)
	}
	return []string{"PLACES=" + string(text), "TZ=UTC"}
}

// browser brings what drives the browser, and gives the browser's path. It is the
// machine's own, and must be there.
func browser(t *testing.T) string {
	t.Helper()
	install(t, "../../e2e/console")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("looking for a browser: there is no chromium")
	return ""
}

// browse runs a script of e2e/console to its end, which must be good.
func (w *watched) browse(t *testing.T, script, pictures string) {
	t.Helper()
	path := browser(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", filepath.Join("console", script))
	cmd.Env = append(append(os.Environ(), "BROWSER="+path), w.places(t, pictures)...)
	if *updateScreenshots {
		cmd.Env = append(cmd.Env, "LONG=yes")
	}
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("node e2e/console/%s: %v\n%s", script, err, said)
		return
	}
	t.Logf("%s", said)
}

func TestTheConsoleShowsWhatBotsDid(t *testing.T) {
	t.Parallel()
	w := openWatched(t, "")
	w.start(t)
	w.browse(t, "views.mjs", "")
}

func TestAFreshConsoleSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w := openWatched(t, "")
	w.start(t)
	w.browse(t, "empty.mjs", "")
}

func TestHostileTextStaysTextInTheConsole(t *testing.T) {
	t.Parallel()
	w := openWatched(t, strings.ReplaceAll(malicePolicy, "MALICIOUS", openMalice(t).URL))
	w.start(t)
	w.browse(t, "hostile.mjs", "")
}

func TestTheConsoleFollowsWhatHappensAndChangesIt(t *testing.T) {
	t.Parallel()
	w := openWatched(t, "")
	w.start(t)
	w.browse(t, "live.mjs", "")
}

func TestTheKeyboardAloneOperatesTheConsole(t *testing.T) {
	t.Parallel()
	w := openWatched(t, "")
	w.start(t)
	w.browse(t, "keyboard.mjs", "")
}

func TestAConsoleThatOnlyShowsOffersNoChange(t *testing.T) {
	t.Parallel()
	w := openWatched(t, "")
	w.start(t)
	w.browse(t, "window.mjs", "")
}

func TestOtherSitesReachNothingOfTheConsole(t *testing.T) {
	t.Parallel()
	w := openWatched(t, "")
	w.start(t)
	w.browse(t, "strangers.mjs", "")
}

func TestTheConsoleOutlivesItsGateway(t *testing.T) {
	t.Parallel()
	w := openWatched(t, "")
	reader := launch(t, ".", append(w.places(t, ""), "BROWSER="+browser(t)), "node", "console/away.mjs")
	t.Run("before", func(t *testing.T) {
		w.start(t)
		reader.tell(t, "open", `(opened)\n`)
	})
	reader.tell(t, "gone", `(told that it is lost)\n`)
	t.Run("after", func(t *testing.T) {
		w.start(t)
		reader.tell(t, "back", `(healed)\n`)
	})
	reader.tell(t, "end", `(clean)\n`)
}

func TestTheConsoleHasItsPictureTaken(t *testing.T) {
	t.Parallel()
	w := openWatched(t, "")
	w.start(t)
	pictures := t.ArtifactDir()
	if *updateScreenshots {
		pictures = filepath.Join(root, "docs/images")
	}
	w.browse(t, "pictures.mjs", pictures)
	for _, name := range []string{"policies", "call", "drift", "test", "policies-dark"} {
		info, err := os.Stat(filepath.Join(pictures, "console-"+name+".png"))
		if err != nil {
			t.Errorf("taking a picture: %v", err)
			continue
		}
		if info.Size() > 200<<10 {
			t.Errorf("the picture %s has %d bytes, want at most 200 KiB", info.Name(), info.Size())
		}
	}
}
