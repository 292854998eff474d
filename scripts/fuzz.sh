#!/bin/sh
# Fuzzes every target, or those below the folders that are named, for FUZZTIME
# each: 5s, or "300x" for that many inputs. A package's targets share one
# program, built once, and two targets run at a time. What is found is written
# below the package's testdata and becomes a test.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work time="${FUZZTIME:-5s}"
# Where go test keeps what it found interesting before: the next run begins there.
cache=$(go env GOCACHE)/fuzz/$(go list -m)
export cache

# one fuzzes one target: its package's folder and name.
cat >"$work/one" <<'ONE'
dir=$1 target=$2
out=$(mktemp "$work/out.XXXXXX")
name=$(printf %s "$dir" | tr / .)
if (cd "$dir" && "$work/$name.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" -test.parallel 1 -test.fuzzcachedir "$cache/${dir#./}") </dev/null >"$out" 2>&1; then
	echo "$dir $target: $(tail -n 2 "$out" | head -n 1)"
# Before Go 1.27 the engine may report that its own time is up as a
# failure (go.dev/issue/75804). A finding names the input it wrote.
elif grep -q 'context deadline exceeded' "$out" && ! grep -q 'Failing input written' "$out"; then
	echo "$dir $target: time is up"
else
	echo "$dir $target: FAIL"
	cat "$out"
	exit 1
fi
ONE

[ $# -gt 0 ] || set -- .
grep -rl --include='*_test.go' '^func Fuzz' "$@" | sort | while read -r file; do
	dir=./$(dirname "${file#./}")
	sed -n "s|^func \(Fuzz[A-Za-z0-9_]*\)(.*|$dir \1|p" "$file"
done >"$work/targets"
cut -d ' ' -f 1 "$work/targets" | sort -u | while read -r dir; do
	go test -c -vet=off -fuzz . -o "$work/$(printf %s "$dir" | tr / .).test" "$dir" || exit 1
done
xargs -n 2 -P 2 sh "$work/one" <"$work/targets"
