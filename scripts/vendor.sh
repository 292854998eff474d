#!/bin/sh
# Fetches every vendored browser file and font again from its npm package and
# compares it with what is committed. The lists are the two files named MANIFEST.
#
#   scripts/vendor.sh          compare
#   scripts/vendor.sh write    replace the committed files, then compare
#
# Needs npm, openssl and sha256sum. Nothing else in the project needs npm.
set -eu
cd "$(dirname "$0")/.."
manifests="internal/site/static/vendor/MANIFEST internal/doc/fonts/MANIFEST"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
while read -r file package path integrity sum; do
	case "$file" in '#'*|'') continue ;; esac
	if [ "$path" = - ]; then
		from=$file # written here: the package carries no such file
	else
		dir=$work/$(printf %s "$package" | tr '/@' '__')
		if [ ! -d "$dir" ]; then
			mkdir -p "$dir"
			tarball=$(cd "$work" && npm pack --silent "$package" 2>/dev/null | tail -n 1)
			got=sha512-$(openssl dgst -sha512 -binary "$work/$tarball" | openssl base64 -A)
			if [ "$got" != "$integrity" ]; then
				echo "$package: integrity is $got, MANIFEST says $integrity" >&2
				exit 1
			fi
			tar -xzf "$work/$tarball" -C "$dir" --strip-components=1
		fi
		from=$dir/$path
		if [ "${1:-}" = write ]; then cp "$from" "$file"; fi
		if ! cmp -s "$from" "$file"; then
			echo "$file: differs from $package $path" >&2
			bad=1
		fi
	fi
	if [ "$(sha256sum <"$from" | cut -d ' ' -f 1)" != "$sum" ]; then
		echo "$file: sha256 differs from MANIFEST" >&2
		bad=1
	fi
done <<EOF
$(cat $manifests)
EOF
if [ $bad -eq 0 ]; then echo "vendored files match their packages"; fi
exit $bad
