#!/bin/sh
# The pictures of the documentation, taken anew from a real run over this
# checkout and this machine. Needs Chromium.
set -eu
cd "$(dirname "$0")/.."
TICKMARK_REQUIRE_CHROMIUM=1 TICKMARK_PICTURES="${1:-$PWD/docs/img}" go test -count 1 -run '^TestPictures' -v ./e2e
