#!/usr/bin/env bash
# The systemd unit: systemd accepts it, finds little to say against it, and commands that read its configuration reach it.
. "$(dirname "$0")/lib.sh"
need systemd-analyze
furnish_sandbox

readonly MOST_EXPOSED=1.5 # systemd's own measure, from 0 (nothing is open) to 10
unit="$ROOT/packaging/forebay.service"

mkdir -p "$WORK/usr-local-bin"
install -m 755 "$BIN/forebay" "$WORK/usr-local-bin/forebay"
mount --bind "$WORK/usr-local-bin" /usr/local/bin
findings=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -F forebay || true)
expect_equal "what systemd says of the unit" "" "$findings"

exposure=$(systemd-analyze security --offline=true --no-pager "$unit" | sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
[ -n "$exposure" ] || fail "systemd gave no exposure level"
awk -v got="$exposure" -v most="$MOST_EXPOSED" 'BEGIN { exit !(got <= most) }' ||
  fail "systemd rates the unit's exposure $exposure, above $MOST_EXPOSED"

# What the unit starts, with the configuration that the guide installs.
command=$(sed -n 's/^ExecStart=//p' "$unit")
expect_equal "the command" "/usr/local/bin/forebay serve --config /etc/forebay/forebay.toml" "$command"
install -D -m 644 "$ROOT/packaging/forebay.toml" /etc/forebay/forebay.toml
forebay config check --config /etc/forebay/forebay.toml
state=/var/lib/$(sed -n 's/^StateDirectory=//p' "$unit")
make_empty "$state"
$command >"$WORK/forebay.log" 2>&1 &
pid=$!
wait_for_forebay "$pid"
[ -e "$state/format" ] || fail "the data is not in $state"

# Named by its configuration alone, the service is found: the server itself does the check, with no second data directory.
cd "$WORK"
forebay fsck --config /etc/forebay/forebay.toml >"$WORK/fsck" 2>&1 || fail "fsck: $(cat "$WORK/fsck")"
[ ! -e forebay-data ] || fail "fsck looked at ./forebay-data"

# ExecReload's signal: a bad file changes nothing, and the service stays.
echo 'lisen = "oops"' >>/etc/forebay/forebay.toml
kill -HUP "$pid"
wait_until "$READY_WITHIN_S" grep -q 'lisen' "$WORK/forebay.log"
curl -sf "http://$SERVER/healthz" >"$WORK/healthz"
stop "$pid"
