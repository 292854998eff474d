#!/bin/sh
# Installs what the tests need beyond Go, where that can be done without
# asking: PostgreSQL, Chromium, a C compiler, git, strace, slapd and prometheus, from Debian's packages. Elsewhere it says
# what to install and lets the tests decide whether they can do without.
set -eu

has_postgres() {
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1
}
has_chromium() {
	for name in ${TICKMARK_CHROMIUM:-chromium chromium-browser google-chrome google-chrome-stable}; do
		if command -v "$name" >/dev/null 2>&1; then return 0; fi
	done
	return 1
}

want=
case "${TICKMARK_TEST_POSTGRES:-on}" in
on) has_postgres || want="$want postgresql" ;;
esac
has_chromium || want="$want chromium"
# The race detector links with C.
command -v "${CC:-cc}" >/dev/null 2>&1 || want="$want gcc libc6-dev"
command -v git >/dev/null 2>&1 || want="$want git"
# Makes system calls fail. Without it that part of the faults is skipped.
[ "$(uname -s)" != Linux ] || command -v strace >/dev/null 2>&1 || want="$want strace"
# The servers that collectors are tested against; the tests start their own.
if [ "$(uname -s)" = Linux ]; then
	[ -x /usr/sbin/slapd ] || want="$want slapd"
	command -v prometheus >/dev/null 2>&1 || want="$want prometheus"
fi
[ -n "$want" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo -n"; fi
fi
if command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || [ -n "$as_root" ]; }; then
	echo "installing$want"
	$as_root apt-get update -qq
	# Nothing that is installed is started: neither a cluster of PostgreSQL nor
	# a directory. Where a policy exists already, it stays.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap '$as_root rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
		$as_root chmod 755 "$policy"
	fi
	# No cluster of the package's own: the tests make theirs.
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		-o Dpkg::Options::=--force-confold $want
	exit 0
fi

cat >&2 <<TXT
The whole test suite needs these, which are not here and cannot be installed
without a password:$want

Install them, or point at them:
  TICKMARK_TEST_POSTGRES=postgres://ADMIN:PASSWORD@HOST/postgres   a server for tests
  TICKMARK_CHROMIUM=/path/to/chromium                              a browser

Or leave them out, and know that part of the suite did not run:
  TICKMARK_REQUIRE_POSTGRES= TICKMARK_REQUIRE_CHROMIUM= TICKMARK_REQUIRE_SERVERS= make test
TXT
[ -n "${TICKMARK_REQUIRE_POSTGRES-1}${TICKMARK_REQUIRE_CHROMIUM-1}${TICKMARK_REQUIRE_SERVERS-1}" ] || exit 0
exit 1
