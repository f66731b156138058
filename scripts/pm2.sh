#!/bin/sh
# Call this project's PM2 with this project's PM2_HOME and a small environment.
# usage: scripts/pm2.sh up | down | status | logs | <any pm2 command>
set -eu
cd "$(dirname "$0")/.."
root=$PWD
home=${GATEWAY_HOME:-$root/.gateway}
case "$home" in /*) ;; *) home=$root/$home ;; esac
[ "${1:-}" != down ] || [ -x .venv/bin/python -a -d node_modules/.bin ] || exit 0
# What PM2 and the gateway write is nobody else's to read.
umask 077
pm2_home=$(.venv/bin/python -m gateway.process.pm2.home "$home")
mkdir -p "$home/logs" "$home/run"
holder=$home/run/holder.sock
[ ${#holder} -le 100 ] || holder=$pm2_home/holder.sock
# Without this file PM2 asks a server for its newest version at the first start.
touch "$pm2_home/touch"

# PM2 writes the caller's whole environment into process lists and dump files: hand over only what is needed.
pm2() {
    set -- "$root/node_modules/.bin/pm2" "$@"
    for name in $(env | sed -n 's/^\(GATEWAY_[A-Z_]*\)=.*/\1/p'); do
        case "$name" in GATEWAY_HOME | GATEWAY_HOLDER_SOCKET | GATEWAY_KEY) continue ;; esac
        eval "value=\$$name"
        set -- "$name=$value" "$@"
    done
    ${run:-} env -i PATH="$root/.venv/bin:$PATH" HOME="${HOME:-/}" LANG="${LANG:-C.UTF-8}" TERM="${TERM:-dumb}" \
        PM2_HOME="$pm2_home" PM2_DISABLE_VERSION_CHECK=true GATEWAY_HOME="$home" GATEWAY_HOLDER_SOCKET="$holder" \
        ${JAVA_HOME:+"JAVA_HOME=$JAVA_HOME"} "$@"
}

# PM2's command would wait for ever for the answer of a PM2 that was killed meanwhile.
start_gateway() {
    daemon=$(cat "$pm2_home/pm2.pid")
    (run=exec && pm2 start ecosystem.config.js --only gateway --silent >/dev/null) &
    starter=$!
    while sleep 1 && kill -0 "$starter" 2>/dev/null; do
        kill -0 "$daemon" 2>/dev/null || kill "$starter" 2>/dev/null || true
    done
}

# PM2's client at times does not end after the answer has come.
trigger() {
    answer=$(mktemp)
    (run=exec && pm2 "$@" >"$answer" 2>&1) &
    client=$!
    answered=0
    while kill -0 "$client" 2>/dev/null; do
        sleep 0.2
        ! grep -q "have received command" "$answer" || answered=$((answered + 1))
        [ "$answered" -lt 15 ] || kill "$client" 2>/dev/null || true
    done
    code=0
    wait "$client" || code=$?
    [ "$answered" -lt 15 ] || code=0
    cat "$answer"
    rm -f "$answer"
    return "$code"
}

is_online() { pm2 jlist 2>/dev/null | "$root/.venv/bin/python" scripts/is_online.py "$1"; }

case "${1:-}" in
up)
    is_online gateway-socket || pm2 start ecosystem.config.js --only gateway-socket --silent >/dev/null
    starting=
    is_online gateway || { starting=--starting; start_gateway & }
    GATEWAY_HOME="$home" exec "$root/.venv/bin/gateway" wait $starting --logs "$home/logs"
    ;;
down)
    # The gateway first: while its holder is there, it leaves without waiting for another one.
    pm2 delete gateway --silent >/dev/null 2>&1 || true
    pm2 delete gateway-socket --silent >/dev/null 2>&1 || true
    pm2 kill --silent >/dev/null 2>&1 || true
    # What outlived an earlier PM2 is not in its list.
    GATEWAY_HOME="$home" GATEWAY_HOLDER_SOCKET="$holder" "$root/.venv/bin/gateway" stop --quiet
    echo "stopped"
    ;;
status)
    [ -e "$pm2_home/pm2.pid" ] && kill -0 "$(cat "$pm2_home/pm2.pid")" 2>/dev/null \
        || { echo "nothing runs here; start it with: make run"; exit 1; }
    pm2 ls
    GATEWAY_HOME="$home" "$root/.venv/bin/gateway" routes || true
    ;;
logs) pm2 logs --lines 30 ;;
trigger) trigger "$@" ;;
*) pm2 "$@" ;;
esac
