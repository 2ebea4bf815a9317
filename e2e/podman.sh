#!/usr/bin/env bash
# podman: Forebay as a mirror in registries.conf.
. "$(dirname "$0")/lib.sh"
need podman
furnish_sandbox
start_hubs
start_forebay

install_from_guide /etc/containers/registries.conf.d/50-forebay.conf

podman() {
  command podman --cgroup-manager cgroupfs --events-backend none "$@"
}

pull() {
  podman pull "$1"
}

forget() {
  podman rmi --force "$1"
}

digest_of() {
  podman image inspect --format '{{.Digest}}' "$1"
}

tell_story docker.io library/app docker.io/library/app
tell_story ghcr.io org/app ghcr.io/org/app
