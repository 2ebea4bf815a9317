#!/usr/bin/env bash
# BuildKit, as dockerd carries it: `FROM` an image through `registry-mirrors`, which it asks with `?ns=`.
. "$(dirname "$0")/lib.sh"
# Debian's command line, which speaks to BuildKit without a plug-in.
docker=/usr/bin/docker
need dockerd containerd runc "$docker"
furnish_sandbox
start_hubs
start_forebay

install_from_guide /etc/docker/daemon.json
export DOCKER_HOST=unix:///run/docker.sock DOCKER_BUILDKIT=1
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver vfs >"$WORK/dockerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" "$docker" version
mkdir -p "$WORK/context"

pull() {
  printf 'FROM %s\nLABEL built=yes\n' "$1" >"$WORK/context/Dockerfile"
  "$docker" build --progress plain --pull --tag built "$WORK/context" 2>&1 | tee "$WORK/build.log"
}

forget() {
  "$docker" image rm --force built
  "$docker" builder prune --all --force
}

# What it resolved the name to.
digest_of() {
  sed -n "s|.*resolve .*$1@\(sha256:[0-9a-f]*\).*|\1|p" "$WORK/build.log" | head -n 1
}

tell_story docker.io library/app docker.io/library/app
