#!/usr/bin/env bash
# The systemd unit under systemd itself, as the first process of namespaces of its own: it starts, serves, is started again
# when it was killed, reloads, keeps what it has, finishes a pull when it is stopped, and stays stopped.
. "$(dirname "$0")/lib.sh"
need systemctl skopeo nsenter
SYSTEMD=/lib/systemd/systemd
[ -x "$SYSTEMD" ] || skip "systemd is not installed"
CGROUPS=$(findmnt --noheadings --first-only --output TARGET --types cgroup2 || true)
[ -n "$CGROUPS" ] || skip "no unified cgroups are mounted"
furnish_sandbox
start_hubs

# None of the machine's units, only a target to boot to; what the service itself asks for comes along.
write_units() {
  local wants
  make_empty /etc/systemd/system
  for wants in /lib/systemd/system/{sysinit,basic,sockets,timers}.target.wants; do
    [ ! -d "$wants" ] || make_empty "$wants"
  done
  printf '[Unit]\nDescription=Nothing but what is tested\nDefaultDependencies=no\nAllowIsolate=yes\n' \
    >/etc/systemd/system/e2e.target
}

# systemd in a group, a process and a mount namespace of its own, and with this script's network.
boot() {
  GROUP=$(mktemp --directory "$CGROUPS/forebay-e2e-XXXXXX") || skip "no cgroup can be made"
  # shellcheck disable=SC2016 # expanded in there
  (
    echo "$BASHPID" >"$GROUP/cgroup.procs"
    exec env container=forebay-e2e unshare --pid --fork --kill-child --mount --mount-proc --cgroup --uts --ipc bash -c '
      umount --recursive /sys/fs/cgroup
      mount -t cgroup2 cgroup /sys/fs/cgroup
      exec "$0" --system --unit=e2e.target --log-target=console --show-status=no' "$SYSTEMD"
  ) >"$WORK/systemd.log" 2>&1 &
  BOOTED=$!
  trap shut_down EXIT
  wait_until "$READY_WITHIN_S" control is-active e2e.target
}

# Runs a command where systemd is.
inside() {
  local init
  init=$(pgrep --parent "$BOOTED")
  nsenter --target "$init" --pid --mount --cgroup -- "$@"
}

# From inside, for systemd answers nobody of another process namespace.
control() {
  inside systemctl "$@"
}

# Nothing of it is left, however the script ends.
shut_down() {
  show_logs
  [ ! -e "$GROUP/cgroup.kill" ] || echo 1 >"$GROUP/cgroup.kill"
  wait "$BOOTED" 2>/dev/null || true
  wait_until "$STOP_WITHIN_S" remove_group
}

# A group goes when the last process in it has.
remove_group() {
  [ ! -e "$GROUP" ] || find "$GROUP" -depth -type d -exec rmdir {} +
}

install_service() {
  mkdir -p "$WORK/usr-local-bin"
  install -m 755 "$BIN/forebay" "$WORK/usr-local-bin/forebay"
  mount --bind "$WORK/usr-local-bin" /usr/local/bin
  install -D -m 644 "$ROOT/packaging/forebay.service" /etc/systemd/system/forebay.service
  # The guide's configuration, but before the hubs here.
  install -D -m 644 "$ROOT/packaging/forebay.toml" /etc/forebay/forebay.toml
  sed -n '/^\[upstreams/,/^$/p' "$WORK/forebay.toml" >>/etc/forebay/forebay.toml
}

property() {
  control show --property "$1" --value forebay
}

is_started_again() {
  [ "$(property NRestarts)" = "$1" ] && [ "$(property ActiveState)" = active ] && curl -sf "http://$SERVER/readyz"
}

pull_image() {
  rm -rf "$WORK/image"
  skopeo copy --all --src-tls-verify=false "docker://$SERVER/library/app:1.27" "dir:$WORK/image" >"$WORK/pull.log" 2>&1 ||
    fail "the image was not pulled: $(cat "$WORK/pull.log")"
}

write_units
install_service
boot

learn_image docker.io library/app 1.27 all
CHILD=${CHILDREN[0]}

echo "== started"
control start forebay
wait_until "$READY_WITHIN_S" is_started_again 0
uid=$(inside stat -c %u "/proc/$(property MainPID)")
[ "$uid" -ge 61184 ] && [ "$uid" -le 65519 ] || fail "it runs as $uid, which is no user of systemd's own"
expect_equal "the limit of open files" 65536 "$(property LimitNOFILE)"
[ -e /var/lib/forebay/format ] || fail "the data is not in its state directory"
pull_image

echo "== killed"
control kill --signal=KILL --kill-who=main forebay
wait_until "$READY_WITHIN_S" is_started_again 1
mark docker.io
pull_image
expect_seen docker.io 0 .

echo "== reloaded"
control reload forebay
echo 'lisen = "oops"' >>/etc/forebay/forebay.toml
control reload forebay
curl -sf "http://$SERVER/healthz" >"$WORK/healthz"
expect_equal "restarts" 1 "$(property NRestarts)"

echo "== stopped, in the middle of a pull"
layer=$(jq -r '.layers[-1].digest' "$WORK/image/${CHILD#sha256:}.manifest.json")
curl -sf --limit-rate 1M --output "$WORK/layer" "http://$SERVER/v2/library/app/blobs/$layer" &
pulling=$!
wait_until "$READY_WITHIN_S" test -s "$WORK/layer"
control stop forebay
wait "$pulling" || fail "the pull was cut"
expect_equal "the layer" "$layer" "$(digest_of_input <"$WORK/layer")"
expect_equal "how it ended" "success 0" "$(property Result) $(property ExecMainStatus)"
expect_equal "its state" inactive "$(property ActiveState)"
! curl -s "http://$SERVER/healthz" >/dev/null || fail "something still listens"
