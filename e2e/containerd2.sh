#!/usr/bin/env bash
# containerd 2: pulls through Forebay, pushes to it, and its new transfer service does both.
. "$(dirname "$0")/lib.sh"
need_built containerd ctr
furnish_sandbox
write_config
printf '[clients]\nloopback_push = true\n' >>"$WORK/forebay.toml"
start_hub docker.io "$DOCKER_HUB" "$DOCKER_HUB_BLOBS" library/app
start_forebay

install_from_guide /etc/containerd/certs.d/docker.io/hosts.toml
"$CLIENTS/containerd" --root "$WORK/containerd" --state /run/containerd >"$WORK/containerd.log" 2>&1 &
ctr() {
  "$CLIENTS/ctr" "$@"
}
wait_until "$READY_WITHIN_S" "$CLIENTS/ctr" version
ctr version >"$WORK/version"
grep -q 'Version: *v*2\.' "$WORK/version" || fail "this is not containerd 2: $(cat "$WORK/version")"

# By the client itself; the native snapshotter copies files, so it works on whatever the sandbox lies on.
pull() {
  ctr images pull --local --skip-metadata --snapshotter native --hosts-dir /etc/containerd/certs.d "$1"
}

forget() {
  ctr images rm --sync "$1"
}

digest_of() {
  ctr images ls "name==$1" | awk 'NR == 2 { print $3 }'
}

echo "== it pushes an index, by the transfer service and by itself"
ctr images pull --local --all-platforms --snapshotter native --hosts-dir /etc/containerd/certs.d docker.io/library/app:1.27
for way in "" --local; do
  ctr images tag --force docker.io/library/app:1.27 "$SERVER/by-containerd:1"
  # shellcheck disable=SC2086 # no word where there is none
  ctr images push $way --plain-http "$SERVER/by-containerd:1"
  expect_equal "digest of what was pushed" "$(digest_of docker.io/library/app:1.27)" \
    "$(curl -sf -H 'Accept: application/vnd.oci.image.index.v1+json' "http://$SERVER/v2/by-containerd/manifests/1" | digest_of_input)"
  curl -sfX DELETE "http://$SERVER/v2/by-containerd/manifests/1"
done

echo "== it pulls by itself"
forget "$SERVER/by-containerd:1"
forget docker.io/library/app:1.27
stop_hub docker.io
start_afresh
tell_story docker.io library/app docker.io/library/app

echo "== it pulls by the transfer service"
start_afresh
pull() {
  ctr images pull --skip-metadata --hosts-dir /etc/containerd/certs.d "$1"
}
tell_story docker.io library/app docker.io/library/app
