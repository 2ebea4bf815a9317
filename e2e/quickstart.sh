#!/usr/bin/env bash
# Started as the README says, with no configuration at all.
. "$(dirname "$0")/lib.sh"
furnish_sandbox

cd "$WORK"
"$BIN/forebay" serve >"$WORK/forebay.log" 2>&1 &
pid=$!
wait_for_forebay "$pid"
[ -d forebay-data ] || fail "the data is not in ./forebay-data"
expect_equal "status of /v2/" 200 "$(curl -s -o "$WORK/body" -w '%{http_code}' "http://$SERVER/v2/")"
expect_equal "status of /healthz" 200 "$(curl -s -o "$WORK/body" -w '%{http_code}' "http://$SERVER/healthz")"
curl -sf "http://$SERVER/metrics" | grep -q '^# TYPE forebay_' || fail "no metrics"

# Only this machine can reach it.
expect_equal "listeners" "$SERVER" "$(ss --no-header --listening --tcp --numeric | awk '{ print $4 }' | sort -u)"

stop "$pid"
wait "$pid" && status=0 || status=$?
expect_equal "exit status after SIGTERM" 0 "$status"
