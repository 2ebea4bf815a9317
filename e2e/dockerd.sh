#!/usr/bin/env bash
# dockerd: Docker Hub through `registry-mirrors`, GHCR by its name as the first part of the path, Docker Hub again by a
# prefix of the operator's own there.
. "$(dirname "$0")/lib.sh"
need dockerd docker containerd runc
furnish_sandbox
start_hubs
start_forebay

install_from_guide /etc/docker/daemon.json
export DOCKER_HOST=unix:///run/docker.sock
# No bridge and no firewall rules: it only pulls here.
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver vfs >"$WORK/dockerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" docker version

pull() {
  docker pull "$1"
}

forget() {
  docker image rm --force "$1"
}

digest_of() {
  docker image inspect --format '{{index .RepoDigests 0}}' "$1" | cut -d@ -f2
}

tell_story docker.io library/app library/app
tell_story ghcr.io org/app "$SERVER/ghcr.io/org/app"
start_afresh
tell_story docker.io library/app "$SERVER/hub/library/app"
