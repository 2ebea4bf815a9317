#!/usr/bin/env bash
# containerd: any registry through hosts.toml, which makes it ask with `?ns=`, and by the registry's
# name as the first part of the path, with no file at all.
. "$(dirname "$0")/lib.sh"
need containerd ctr
furnish_sandbox
start_hubs
start_forebay

install_from_guide /etc/containerd/config.toml
install_from_guide /etc/containerd/certs.d/docker.io/hosts.toml
install_from_guide /etc/containerd/certs.d/ghcr.io/hosts.toml
containerd >"$WORK/containerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" ctr version

# The native snapshotter copies files, so it works on whatever the sandbox lies on.
pull() {
  ctr images pull --snapshotter native --hosts-dir /etc/containerd/certs.d "$1"
}

# `--sync` also collects the content that no image holds any more.
forget() {
  ctr images rm --sync "$1"
}

digest_of() {
  ctr images ls "name==$1" | awk 'NR == 2 { print $3 }'
}

tell_story docker.io library/app docker.io/library/app
tell_story ghcr.io org/app ghcr.io/org/app
expect_strict docker.io/library/app:1.27 registry-1.docker.io

pull() {
  ctr images pull --snapshotter native --plain-http "$1"
}

start_afresh
tell_story docker.io library/app "$SERVER/docker.io/library/app"
tell_story ghcr.io org/app "$SERVER/ghcr.io/org/app"
