#!/usr/bin/env bash
# containerd as `forebay setup containerd` sets it up: closed, falling back, written below another root, and undone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/setup.bash"
need containerd ctr
furnish_sandbox
start_hubs
start_hub_past_forebay
start_forebay
# The native snapshotter copies files, so it works on whatever the sandbox lies on.
export CONTAINERD_SNAPSHOTTER=native

cat >/etc/containerd/config.toml <<'TOML'
version = 2 # ours

[debug]
  level = "info"
TOML
cp /etc/containerd/config.toml "$WORK/config.toml"
find /etc/containerd | sort >"$WORK/files"

set_up containerd
grep -qx 'version = 2 # ours' /etc/containerd/config.toml || fail "a comment is gone: $(cat /etc/containerd/config.toml)"
containerd >"$WORK/containerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" ctr version
containerd config dump | grep -q 'config_path = "/etc/containerd/certs.d"' || fail "containerd does not see the folder"

expect_here containerd library/app:1.27
break_forebay
expect_closed containerd library/app:1.27

# Falling back takes the place of the closed form.
set_up containerd --fall-back
expect_past containerd library/app:1.27 'got an error, and came from elsewhere'

forebay setup containerd --undo
cmp /etc/containerd/config.toml "$WORK/config.toml" || fail "config.toml is not as it was"
find /etc/containerd | sort | diff "$WORK/files" - || fail "files were left behind"
expect_unpulled containerd library/app:1.27

# An image that is not running yet: the same files below its root, and nothing here.
mkdir "$WORK/image"
set_up containerd --root "$WORK/image" --upstream docker.io
[ ! -e /etc/containerd/certs.d ] || fail "files were written here"
start_afresh
ctr images pull --hosts-dir "$WORK/image/etc/containerd/certs.d" docker.io/library/app:1.27 >"$WORK/image.log" 2>&1 ||
  fail "the pull failed: $(tail -n 3 "$WORK/image.log")"
expect_equal "requests past Forebay" 0 "$(count_past)"
