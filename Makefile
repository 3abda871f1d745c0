# Everything that is done to this project, by name. `make help` lists it.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS   += --no-print-directory
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
BUILD   := go build $(if $(VERSION),-ldflags '-X main.version=$(VERSION)',-buildvcs=false) -o bin/aliaport ./cmd/aliaport

# Tools that are no part of the program are kept out of go.mod and built into bin/.
LINT_VERSION := v2.15.0
LINT         := bin/golangci-lint-$(LINT_VERSION)
K6_VERSION   := v1.8.1
K6           := bin/k6-$(K6_VERSION)
BENCHSTAT_VERSION := v0.0.0-20260908200009-22c9c6c9d4da
BENCHSTAT    := bin/benchstat-$(BENCHSTAT_VERSION)
WITHSERVERS  := go run ./internal/aliatest/cmd/withservers

UI   := server/playground/ui
DIST := server/playground/dist/index.html.gz

# Where `make generate` writes.
GENERATED := ent graph schema docs/errors.md docs/rights.md README.md

# Where the machine's Node is too old, setup puts a newer one there.
export PATH := $(CURDIR)/bin/node_modules/.bin:$(PATH)

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Every day

.PHONY: setup
setup: ## Install what is missing: PostgreSQL, Redis, nginx, Chromium, Node, Python, a C compiler, modules
	@.ci/setup

.PHONY: run
run: ## Build, and serve demo data from data/aliaport.db on 127.0.0.1:8080
	@.ci/setup go
	@$(MAKE) -s $(DIST) || echo "The playground could not be built; its page will say so, and the API works." >&2
	$(BUILD)
	bin/aliaport serve --demo

.PHONY: build
build: $(DIST) ## Build bin/aliaport, with the playground
	@.ci/setup go
	$(BUILD)

.PHONY: test
test: setup lint check-generated check-migrations ## All that must hold before a change is merged
	@# The walk asks one thing after the other, what the tests of the commands start are processes, and those of the server
	@# walk thousands of hostile calls: with the race detector these three would take longer than all the rest. The races
	@# of the API are in graph. `make test-long` has the detector on for all.
	$(WITHSERVERS) bash -euo pipefail -c 'go test -race $$(go list ./... | grep -v -e /graph/walk$$ -e /cmd/aliaport$$ -e aliaport/server$$) && go test ./graph/walk ./cmd/aliaport ./server'

.PHONY: test-long
test-long: setup ## The tests that take minutes: outages, kills, large data, the playground in a browser
	$(WITHSERVERS) go test -race -tags long -timeout 60m ./...

.PHONY: lint
lint: $(LINT) ## Judge the Go code
	$(LINT) run ./...

$(LINT):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv bin/golangci-lint $@

##@ Generated code and migrations

.PHONY: generate
generate: $(LINT) ## Write the storage layer, the GraphQL server and tables in the documents anew
	go generate ./ent
	go run ./internal/apperr/gendocs
	go run ./graph/gengraph
	go run ./graph/gendocs
	go run ./internal/config/gendocs
	$(LINT) fmt ./graph/...

.PHONY: check-generated
check-generated: ## Fail if `make generate` changes anything; other changes in the tree do not matter
	@before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; \
	cp -a --parents $(GENERATED) "$$before"; \
	$(MAKE) generate; \
	failed=0; \
	for path in $(GENERATED); do diff -rq "$$before/$$path" "$$path" || failed=1; done; \
	if [ $$failed = 1 ]; then echo "make generate changed the files above: commit them" >&2; exit 1; fi

.PHONY: migration
migration: ## Draft the next migration of both databases: make migration NAME=add_berths
	@test -n "$(NAME)" || { echo "give a name: make migration NAME=add_berths" >&2; exit 2; }
	go run ./internal/migrate/mkmigration -name $(NAME)

.PHONY: hash-migrations
hash-migrations: ## Write atlas.sum anew after a draft was edited by hand
	go run ./internal/migrate/mkmigration -hash

.PHONY: check-migrations
check-migrations: ## Fail if ent/schema needs a migration, a file was edited or the newest is dangerous
	go run ./internal/migrate/mkmigration -check

##@ Further

.PHONY: playground
playground: ## Build the playground's files anew
	rm -f $(DIST)
	$(MAKE) $(DIST)

$(DIST): $(shell find $(UI)/src $(UI)/index.html $(UI)/*.json $(UI)/*.ts -type f)
	@.ci/setup node
	cd $(UI) && npm run build

# Benchmarks that fill large databases tell more one by one: docs/benchmarks.md says how.
LONG_BENCH := ^Benchmark(ActiveTripCount|Archive|BulkInsert|Cache|ExplainedLines|Open|SearchOnSQLite|Seed)$$
RUN_BENCH   = $(WITHSERVERS) go test -run '^$$' -bench '$(or $(BENCH),.)' -skip '$(LONG_BENCH)' -benchmem -benchtime 100ms -count 6 -p 1 \
	$(sort $(dir $(addprefix ./,$(shell grep -rl --include='*_test.go' '^func Benchmark' graph internal server))))

.PHONY: bench
bench: $(BENCHSTAT) ## Measure what is called often, beside docs/bench/baseline.txt; make bench BENCH=Cursor for some
	$(RUN_BENCH) | tee bin/bench.txt
	$(BENCHSTAT) docs/bench/baseline.txt bin/bench.txt

.PHONY: bench-baseline
bench-baseline: ## The same, to compare with from now on
	@mkdir -p docs/bench
	$(RUN_BENCH) | grep -E '^(goos|goarch|pkg|cpu|Benchmark)' > bin/bench.txt
	cp bin/bench.txt docs/bench/baseline.txt

$(BENCHSTAT):
	GOBIN=$(CURDIR)/bin go install golang.org/x/perf/cmd/benchstat@$(BENCHSTAT_VERSION)
	mv bin/benchstat $@

.PHONY: load
load: setup k6 ## Play the load test on both databases and write docs/load; make load LOAD="-scenarios B" for a part
	go run ./loadtest/k6 -k6 $(K6) $(LOAD)

.PHONY: k6
k6: $(K6)

$(K6):
	GOBIN=$(CURDIR)/bin go install go.k6.io/k6@$(K6_VERSION)
	mv bin/k6 $@

.PHONY: clean
clean: ## Remove what was built; data/ stays
	rm -rf bin $(UI)/node_modules
	find server/playground/dist -mindepth 1 ! -name .gitkeep -delete
