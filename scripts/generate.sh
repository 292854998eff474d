#!/bin/sh
# Rebuilds the generated code that is committed.
#
#   scripts/generate.sh             write it
#   scripts/generate.sh --compare   fail if it is not what is committed
set -eu
cd "$(dirname "$0")/.."

# One folder at a time: the generator writes paths relative to where it starts.
folders=$(find internal -name '*.templ' -exec dirname {} + | sort -u)
generate() { go tool -modfile=tools.mod templ generate -log-level error -path "$1"; }

if [ "${1:-}" != --compare ]; then
	for dir in $folders; do generate "$dir"; done
	exit 0
fi

# Into a copy: a check must not change the tree it checks.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp go.mod "$copy/"
for dir in $folders; do
	mkdir -p "$copy/$dir"
	cp "$dir"/*.templ "$copy/$dir/"
	generate "$copy/$dir"
done
bad=0
for f in $({ find internal -name '*_templ.go'; cd "$copy" && find internal -name '*_templ.go'; } | sort -u); do
	if ! cmp -s "$copy/$f" "$f"; then
		echo "$f is not what its template generates; run make generate" >&2
		bad=1
	fi
done
exit $bad
