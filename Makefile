# `make help` lists what can be made.

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK   := golang.org/x/vuln/cmd/govulncheck@v1.8.0

# How long each fuzz target runs, and how long the soaks last: of one gateway, and of
# four that share Redis.
FUZZTIME       ?= 30s
SOAKTIME       ?= 2m
SHAREDSOAKTIME ?= 10m

# Flags of the benchmark: make bench BENCHFLAGS='-rounds 3 -profile /tmp/profiles'
BENCHFLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help run build test e2e bench soak fuzz lint fmt vuln ci

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## start the gateway with its demo, on ports 8080, 8081 and 9090
	go run ./cmd/caddy run

build: ## build the gateway: ./caddy
	go build -trimpath -o caddy ./cmd/caddy

test: ## all tests that need Go alone
	go test -race -shuffle=on ./...

e2e: ## the built gateway with real clients, Jaeger, Redis and a browser; see CONTRIBUTING.md
	go test -tags e2e -count=1 -timeout 20m ./e2e
	go test -tags e2e -count=1 -p 1 ./e2e/redisserver ./policy/limit ./policy/stale # on a real Redis, one after the other
	go test -tags e2e -count=1 ./author/curl ./author/openapi ./author/replay # what the race detector leaves out, and curl itself

bench: ## what Signpost costs beside bare Caddy, then the benchmarks of engine and tools; needs wrk and redis-server
	go run ./bench $(BENCHFLAGS)
	go test -run '^$$' -bench . ./policy/... ./author/...

soak: ## the gateway under load and failures for SOAKTIME (2m), then four on one Redis for SHAREDSOAKTIME (10m)
	go test -tags soak -count=1 -timeout 24h -run Soak -v ./e2e -soak $(SOAKTIME) -shared-soak $(SHAREDSOAKTIME)

fuzz: ## each fuzz target for FUZZTIME (30s)
	@set -e; for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

lint: ## linters and formatting
	go vet -tags e2e,soak ./...
	go run $(GOLANGCI_LINT) run ./...

fmt: ## format Go files and Caddyfiles
	go run $(GOLANGCI_LINT) fmt ./...
	@for file in Caddyfile $$(find bench configs examples -iname '*Caddyfile'); do go run ./cmd/caddy fmt --overwrite $$file; done

vuln: ## known vulnerabilities in what is compiled in; needs vuln.go.dev
	go run $(GOVULNCHECK) ./...

ci: ## what every change must pass
	.ci/run
