#!/bin/sh
# The pictures of the documentation, taken anew from the demonstration, whose
# clock is set by hand. Needs Chromium.
set -eu
cd "$(dirname "$0")/.."
TICKMARK_REQUIRE_CHROMIUM=1 TICKMARK_PICTURES="${1:-$PWD/docs/img}" go test -count 1 -run '^TestPicturesOfTheGuides$' -v ./e2e
