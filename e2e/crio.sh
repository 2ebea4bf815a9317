#!/usr/bin/env bash
# CRI-O's way to pull: it calls containers/image to copy from `docker:` to `containers-storage:`, with the registry's
# location being Forebay. CRI-O itself is no Debian package; skopeo is the same library with a command line.
. "$(dirname "$0")/lib.sh"
need skopeo
furnish_sandbox
start_hubs
start_forebay

install_from_guide /etc/containers/registries.conf.d/51-forebay-strict.conf

pull() {
  skopeo copy "docker://$1" "containers-storage:$1"
}

forget() {
  skopeo delete "containers-storage:$1"
}

digest_of() {
  skopeo inspect --raw "containers-storage:$1" | digest_of_input
}

tell_story docker.io library/app docker.io/library/app platform
tell_story ghcr.io org/app ghcr.io/org/app platform
expect_strict docker.io/library/app:1.27 registry-1.docker.io
