#!/bin/sh
# Breaks things while the product works: kills, power cuts, failing system
# calls, full disks, cut connections, a store that lies. With TICKMARK_TORTURE=1
# all of it, for about 25 minutes, and whatever this machine does not allow is
# a failure; otherwise a sample, and what is left out is said.
# docs/reliability.md explains the figures.
set -eu
cd "$(dirname "$0")/.."

out=$(mktemp)
trap 'rm -f "$out"' EXIT
export TICKMARK_E2E=1
export TICKMARK_TEST_POSTGRES="${TICKMARK_TEST_POSTGRES-on}"
status=0
nice go test -v -count=1 -timeout 60m ./e2e/torture "$@" >"$out" 2>&1 || status=$?
if [ "$status" != 0 ]; then
	cat "$out"
	exit "$status"
fi
# Each fault says in a line what it did, or why it was not run here.
grep -E '^ +[a-z_]+_test\.go:[0-9]+: .*([0-9] runs, |NOT RUN)' "$out" | sed -E 's/^ +[a-z_]+_test\.go:[0-9]+: //'
tail -n 1 "$out"
if [ -n "${TICKMARK_TORTURE:-}" ] && [ $# = 0 ]; then
	# 10,000 altered files before both verifiers; 100 older copies of the data; 362 attacks by SQL.
	nice go test -v -count=1 -timeout 60m -run VerifiersAgree ./internal/bundle
	nice go test -v -count=1 -timeout 60m -run 'TestOldCopiesAreNoticedAndAdopted|TestAttacksOnTheDatabaseAreFound' ./internal/app
fi
