#!/bin/sh
# Checks that need no running of the product: formatting, vet, and that what is
# generated is what is committed.
set -eu
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$1"; }

say "gofmt"
unformatted=$(find . -name '*.go' -not -path './.git/*' -not -path './data/*' -exec gofmt -l {} +)
if [ -n "$unformatted" ]; then
	echo "not formatted; run gofmt -w on:" >&2
	echo "$unformatted" >&2
	exit 1
fi

say "go vet"
go vet ./...

say "generated code"
sh scripts/generate.sh --compare
