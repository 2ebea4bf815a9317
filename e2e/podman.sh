#!/usr/bin/env bash
# podman: Forebay as a mirror in registries.conf, and by names of the operator's own that resolve to it.
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

pull() {
  podman pull --tls-verify=false "$1"
}

echo "127.0.0.1 docker.localhost ghcr.localhost" >>/etc/hosts
start_afresh
tell_story docker.io library/app docker.localhost:5000/library/app
tell_story ghcr.io org/app ghcr.localhost:5000/org/app
