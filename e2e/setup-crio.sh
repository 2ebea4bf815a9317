#!/usr/bin/env bash
# CRI-O as `forebay setup cri-o` sets it up: closed, falling back, kept apart from what else the file says, and undone.
# CRI-O itself is no Debian package. skopeo is the library with which it pulls, reads the same files, and copies from
# `docker:` to `containers-storage:` as it does.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/setup.bash"
need skopeo
furnish_sandbox
start_hubs
start_hub_past_forebay
start_forebay

readonly DROP_IN=/etc/containers/registries.conf.d/50-forebay.conf
readonly IMAGE=docker.io/library/app:1.27

pull() {
  skopeo copy "docker://$IMAGE" "containers-storage:$IMAGE" >"$WORK/pull.log" 2>&1
}

forget() {
  skopeo delete "containers-storage:$IMAGE"
}

expect_pulled_past() {
  count_past >/dev/null
  pull || fail "the pull failed: $(cat "$WORK/pull.log")"
  [ "$(count_past)" -gt 0 ] || fail "nobody came past Forebay"
  forget
}

mkdir -p "$(dirname "$DROP_IN")"
cat >"$DROP_IN" <<'TOML'
# ours
[[registry]]
prefix = "internal.example"
location = "10.0.0.1:5000"
TOML
cp "$DROP_IN" "$WORK/before.conf"

set_up cri-o
grep -q '^# ours$' "$DROP_IN" || fail "a comment is gone: $(cat "$DROP_IN")"
mark docker.io
count_past >/dev/null
pull || fail "the pull failed: $(cat "$WORK/pull.log")"
[ "$(seen docker.io '^GET blob ' | wc -l)" -gt 0 ] || fail "Forebay fetched nothing"
expect_equal "requests past Forebay" 0 "$(count_past)"
forget

# Closed: nobody else is asked when Forebay fails.
break_forebay
! pull || fail "$IMAGE was pulled although Forebay answers with errors"
expect_equal "requests past Forebay" 0 "$(count_past)"

set_up cri-o --fall-back
expect_pulled_past

forebay setup cri-o --undo
cmp "$DROP_IN" "$WORK/before.conf" || fail "the file is not as it was"
expect_pulled_past
