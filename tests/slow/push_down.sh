#!/bin/sh
# A whole gateway in a network namespace of its own, and one address beyond it that heeds no refusal:
# it is told, a minute later the kernel drops it, its neighbour never notices, and one command lets
# it back. Needs root; without, it says so and is skipped.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" != 0 ]; then echo "needs root"; exit 77; fi
if [ "${1:-}" != inside ]; then exec unshare -n sh "$0" inside; fi

state=$(mktemp -d)
unshare -n sleep 600 &
beyond=$!
stop() { kill $beyond ${engine:-} ${gateway:-} 2>/dev/null || true; wait; rm -rf "$state"; }
trap stop EXIT
sleep 1

ip link set lo up
ip link add here type veth peer name there netns $beyond
ip addr add 10.99.0.1/24 dev here
ip link set here up
there() { nsenter -t $beyond -n "$@"; }
there ip link set lo up
there ip addr add 10.99.0.2/24 dev there
there ip addr add 10.99.0.3/24 dev there
there ip link set there up

export HOLDFAST_UP_STATE_DIR="$state" HOLDFAST_ACCOUNTS_ANONYMOUS=everyone
"$HOLDFAST_BINARY" drill live engine --listen 127.0.0.1:8090 --tokens-per-second 640 --slots 16 >"$state/engine.log" 2>&1 &
engine=$!
"$HOLDFAST_BINARY" gateway --listen 10.99.0.1:8080 --engine 127.0.0.1:8090 >"$state/gateway.log" 2>&1 &
gateway=$!
sleep 3

there python3 "$here/heedless.py" 10.99.0.1 8080 10.99.0.2 10.99.0.3
"$HOLDFAST_BINARY" guard list >"$state/list"
cat "$state/list"
grep -q 'in_force *push_down address' "$state/list"
"$HOLDFAST_BINARY" guard undo "$(sed -n '1s/ .*//p' "$state/list")" >/dev/null
sleep 1
there python3 "$here/heedless.py" 10.99.0.1 8080 10.99.0.2 --once
