#!/bin/sh
# The race detector, where goroutines share something: every test of the vault
# and of the machine's own work, which run beside each other by themselves; of
# the other packages below the tests that start goroutines, for the rest would
# take minutes to say nothing; and of the whole program what serves. With
# TICKMARK_RACE=all it is every test of every package, which takes long.
set -eu
cd "$(dirname "$0")/.."

if ! command -v "${CC:-cc}" >/dev/null 2>&1; then
	echo "NOT RUN: the race detector needs a C compiler, and there is none" >&2
	exit 0
fi
export CGO_ENABLED=1
if [ "${TICKMARK_RACE:-}" = all ]; then
	exec go test -race -vet=off -timeout 120m ./internal/... ./cmd/...
fi

# atonce names the tests of a package that start goroutines, or call a function
# of the tests that does.
atonce() {
	awk '
	/^func / {
		name = $0
		sub(/^func (\([^)]*\) )?/, "", name)
		sub(/[^A-Za-z0-9_].*/, "", name)
	}
	/^}/ {name = ""}
	name != "" {body[name] = body[name] "\n" $0}
	/go func|\.Go\(|WaitGroup/ {if (name != "") starts[name] = 1}
	END {
		for (t in body) {
			if (t !~ /^Test/) continue
			found = t in starts
			for (h in starts) if (h !~ /^Test/ && body[t] ~ ("[^A-Za-z0-9_]" h "\\(")) found = 1
			if (found) print t
		}
	}' "internal/$1"/*_test.go | sort
}

go test -race -vet=off -timeout 10m ./internal/blob ./internal/job
for pkg in db ledger op auth sources checks orgs doc witness; do
	names=$(atonce "$pkg" | paste -s -d '|' -)
	[ -z "$names" ] || go test -race -vet=off -timeout 10m -run "^($names)\$" "./internal/$pkg"
done
go test -race -vet=off -timeout 10m -run Server ./internal/app
