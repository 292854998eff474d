#!/bin/sh
# Records what a real Gitea says, for the tests of its collector, which play it
# back. Builds the server first unless GITEA names one: that takes minutes.
set -eu
version=1.24.6
port=${GITEA_PORT:-3931}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
pid=
stop() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	chmod -R u+w "$work"
	rm -rf "$work"
}
trap stop EXIT INT TERM

src=${GITEA_SRC:-$work/src}
if [ ! -d "$src" ]; then
	(cd "$work" && go mod init recording >/dev/null 2>&1)
	dir=$(cd "$work" && go mod download -json "code.gitea.io/gitea@v$version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
	cp -R "$dir" "$src"
	chmod -R u+w "$src"
fi
gitea=${GITEA:-$work/gitea}
if [ ! -x "$gitea" ]; then
	(cd "$src" && go build -p 1 -mod=mod -buildvcs=false -tags sqlite,sqlite_unlock_notify -ldflags "-s -w -X main.Version=$version" -o "$gitea" .)
fi

home=$work/home
mkdir -p "$home/custom/conf"
conf=$home/custom/conf/app.ini
cat >"$conf" <<CONF
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
RUN_MODE = prod
RUN_USER = $(id -un)
WORK_PATH = $home
[server]
STATIC_ROOT_PATH = $src
HTTP_ADDR = 127.0.0.1
HTTP_PORT = $port
ROOT_URL = http://127.0.0.1:$port/
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = $home/gitea.db
[repository]
ROOT = $home/repos
[security]
INSTALL_LOCK = true
[service]
DISABLE_REGISTRATION = true
[log]
LEVEL = Warn
[actions]
ENABLED = false
CONF
export GITEA_WORK_DIR="$home" GITEA_CUSTOM="$home/custom"
"$gitea" migrate -c "$conf" >"$home/migrate.log" 2>&1
"$gitea" web -c "$conf" >"$home/web.log" 2>&1 &
pid=$!
n=0
until curl -fs "http://127.0.0.1:$port/api/v1/version" >/dev/null; do
	n=$((n + 1))
	[ $n -lt 120 ] || { tail "$home/web.log"; exit 1; }
	sleep 0.5
done
"$gitea" admin user create --admin --username keeper --password "$(head -c 18 /dev/urandom | base64)" --email keeper@example.com --must-change-password=false -c "$conf" >/dev/null 2>&1
token=$("$gitea" admin user generate-access-token --username keeper --scopes all --raw --token-name recording -c "$conf" 2>/dev/null | tail -1)
unset GITEA_WORK_DIR GITEA_CUSTOM
cd "$root"
GITEA_URL="http://127.0.0.1:$port" GITEA_ADMIN_TOKEN="$token" go test ./internal/collectors/gitea -run TestRecord -count=1 -v
