#!/usr/bin/env bash
# buildah: `FROM` an image that comes through the mirror.
. "$(dirname "$0")/lib.sh"
need buildah
furnish_sandbox
start_hubs
start_forebay

install_from_guide /etc/containers/registries.conf.d/50-forebay.conf
mkdir -p "$WORK/context"

pull() {
  printf 'FROM %s\nLABEL built=yes\n' "$1" >"$WORK/context/Containerfile"
  buildah build --isolation chroot --tag built "$WORK/context"
  buildah rmi --force built
}

forget() {
  buildah rmi --force "$1"
}

digest_of() {
  buildah images --format '{{.Digest}}' "$1"
}

tell_story docker.io library/app docker.io/library/app
tell_story ghcr.io org/app ghcr.io/org/app
