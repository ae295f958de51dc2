#!/usr/bin/env bash
# How many requests a second one core refuses: the gateway's guard, nginx's limit_req and HAProxy's
# stick table, one after the other, each on core 0, each refusing the same flood from core 1.
#
#   bench/refusals/run.sh [SECONDS]     needs wrk, nginx and haproxy (Debian packages)
#
# The flood is a POST of a small chat request over 64 connections that are kept, from one address,
# far over what each of the three lets an address do. Nearly all is answered 429, or 403 once the
# guard has told an address that goes on. Each has one thread. The last two columns are by the CPU time that the server
# itself took, so they also hold where the machine has other work.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
seconds=${1:-10}
holdfast=${HOLDFAST:-$root/build/release/apps/holdfast/holdfast}
work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

cat > "$work/flood.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"model":"scripted","messages":[{"role":"user","content":"hello"}],"max_tokens":8}'
local threads = {}
function setup(thread) table.insert(threads, thread) end
function response(status)
  if status == 429 or status == 403 or status == 503 then refused = (refused or 0) + 1 else other = (other or 0) + 1 end
end
function done(summary)
  local refused, other = 0, 0
  for _, thread in ipairs(threads) do
    refused = refused + (thread:get("refused") or 0)
    other = other + (thread:get("other") or 0)
  end
  io.write(string.format("RESULT %.0f %d %d\n", summary.requests / summary.duration * 1e6, refused, other))
end
LUA

# An engine that is never reached by what is refused.
taskset -c 1 "$holdfast" drill live engine --listen 127.0.0.1:18190 --tokens-per-second 640 --slots 16 > "$work/engine.log" 2>&1 &
pids+=($!)

cat > "$work/nginx.conf" <<NGINX
worker_processes 1;
daemon off;
pid $work/nginx.pid;
error_log /dev/null crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path $work/body;
  proxy_temp_path $work/proxy;
  fastcgi_temp_path $work/fastcgi;
  uwsgi_temp_path $work/uwsgi;
  scgi_temp_path $work/scgi;
  keepalive_requests 100000000;
  limit_req_zone \$binary_remote_addr zone=one:10m rate=20r/s;
  server {
    listen 127.0.0.1:18191;
    location / { limit_req zone=one burst=20 nodelay; limit_req_status 429; proxy_pass http://127.0.0.1:18190; }
  }
}
NGINX
cat > "$work/haproxy.cfg" <<HAPROXY
global
  nbthread 1
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend f
  bind 127.0.0.1:18192
  stick-table type ip size 100k expire 30s store http_req_rate(1s)
  http-request track-sc0 src
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 20 }
  default_backend b
backend b
  server s 127.0.0.1:18190
HAPROXY

declare -A server
taskset -c 0 nginx -c "$work/nginx.conf" & pids+=($!); server[18191]=$!
taskset -c 0 haproxy -f "$work/haproxy.cfg" > "$work/haproxy.log" 2>&1 & pids+=($!); server[18192]=$!
HOLDFAST_UP_STATE_DIR="$work/state" HOLDFAST_ACCOUNTS_ANONYMOUS=everyone \
  HOLDFAST_GATEWAY_IO_THREADS="${IO_THREADS:-1}" taskset -c 0 "$holdfast" gateway \
  --listen 127.0.0.1:18193 --engine 127.0.0.1:18190 > "$work/gateway.log" 2>&1 & pids+=($!); server[18193]=$!
for port in 18190 18191 18192 18193; do
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
done

# The CPU time of a process and its children, in clock ticks.
cpu_ticks() {
  local total=0 pid
  for pid in "$1" $(pgrep -P "$1"); do
    total=$((total + $(awk '{print $14 + $15}' "/proc/$pid/stat")))
  done
  echo "$total"
}

printf '%-22s %12s %12s %12s %12s %12s\n' "" "answers/s" "refused" "other" "us CPU each" "a CPU second"
run() {
  local name=$1 port=$2
  local line before ticks
  before=$(cpu_ticks "${server[$port]}")
  line=$(taskset -c 1 wrk -t1 -c64 -d"${seconds}s" -s "$work/flood.lua" "http://127.0.0.1:$port/v1/chat/completions" | grep '^RESULT')
  read -r _ rate refused other <<< "$line"
  ticks=$(($(cpu_ticks "${server[$port]}") - before))
  awk -v name="$name" -v rate="$rate" -v refused="$refused" -v other="$other" -v ticks="$ticks" \
    -v hz="$(getconf CLK_TCK)" 'BEGIN {
      seconds = ticks / hz; all = refused + other
      printf "%-22s %12s %12s %12s %12.1f %12.0f\n", name, rate, refused, other, seconds / all * 1e6, all / seconds
    }'
}
for round in 1 2; do
  run "nginx limit_req" 18191
  run "haproxy stick-table" 18192
  run "holdfast" 18193
done
