# Everything a contributor runs. `make run` and `make check` need nothing but
# Go; `make test` also wants PostgreSQL and Chromium, and says so.

export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help
.PHONY: help run test check torture races gitea pictures generate bench fuzz build

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

run: build ## build, then serve this machine and this checkout with data in ./data
	bin/tickmark serve --data data --git .

test: ## all that CI runs: check, both databases, races, a real browser, short fuzzing
	sh scripts/test-deps.sh
	sh scripts/test.sh

check: ## run before sending: format, vet, generated code, tests on SQLite
	sh scripts/check.sh
	go test ./...

torture: ## inject every fault thousands of times, for about 25 minutes; a missing tool fails
	sh scripts/test-deps.sh
	TICKMARK_TORTURE=1 sh scripts/torture.sh

races: ## every test of every package under the race detector; takes long
	TICKMARK_RACE=all sh scripts/race.sh

gitea: ## record what a real Gitea says, for the tests that play it back; builds the server, in minutes
	sh scripts/gitea.sh

pictures: ## take the pictures of the documentation anew, from the demonstration, in minutes
	sh scripts/pictures.sh

generate: ## rebuild the generated code that is committed
	sh scripts/generate.sh

bench: ## measure what docs/performance.md states
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## fuzz every parser for a minute each; FUZZTIME=10m for longer
	FUZZTIME=$${FUZZTIME:-1m} sh scripts/fuzz.sh

# Without asking git: a checkout that belongs to somebody else must build too.
build:
	go build -trimpath -buildvcs=false -o bin/ ./cmd/tickmark ./cmd/tickmark-verify
