#!/bin/sh
# The whole suite. One PostgreSQL server is started for all of it and is gone
# when it ends, however it ends.
set -eu
cd "$(dirname "$0")/.."

# Set to nothing to allow the tests that need them to be skipped.
export TICKMARK_REQUIRE_POSTGRES="${TICKMARK_REQUIRE_POSTGRES-1}"
export TICKMARK_REQUIRE_CHROMIUM="${TICKMARK_REQUIRE_CHROMIUM-1}"
export TICKMARK_REQUIRE_SERVERS="${TICKMARK_REQUIRE_SERVERS-1}"

# Memory is plenty here and processor time is not: a tenth of it was spent on
# collecting what could wait.
export GOGC="${GOGC-300}"

if [ "${1:-}" != inside ]; then
	started=$(date +%s)
	sh scripts/check.sh
	go run ./internal/db/dbtest/withpostgres sh "$0" inside
	printf '\nall passed in %s s\n' $(($(date +%s) - started))
	exit 0
fi

say() { printf '\n== %s\n' "$1"; }

# The browser has a turn of its own, so that nothing competes for the machine
# with waits that are bounded.
rest=$(go list ./... | grep -v '/e2e')
say "tests, on SQLite and PostgreSQL"
go test -timeout 20m $rest

say "the second verifier"
if command -v python3 >/dev/null 2>&1; then
	(cd verify && PYTHONDONTWRITEBYTECODE=1 python3 -m unittest -q test_verify)
else
	echo "NOT RUN: there is no python3" >&2
fi

say "journeys in a browser"
TICKMARK_E2E=1 go test -timeout 25m -p 1 $(go list ./e2e/... | grep -v /torture)
TICKMARK_TEST_POSTGRES='' TICKMARK_REQUIRE_POSTGRES='' TICKMARK_E2E=1 go test -timeout 10m -run 'Walked|CannotBeSent|SingleKeys' ./internal/procedures/page

# The quick part; make torture runs the rest. It prints what it did and what it
# could not do here.
say "faults"
TICKMARK_E2E=1 sh scripts/torture.sh

say "races"
sh scripts/race.sh

# The packages' tests have run the inputs that are known; these are new ones, as
# many on a busy machine as on a quiet one.
export FUZZTIME="${FUZZTIME:-300x}"
say "fuzzing, $FUZZTIME each"
sh scripts/fuzz.sh
