#!/usr/bin/env bash
# The Host header: a name of the operator's own that resolves to Forebay means one registry.
. "$(dirname "$0")/lib.sh"
need skopeo
furnish_sandbox
from_guide forebay.toml | grep -qF 'hosts = ["docker.localhost"]' || fail "the guide maps another name than this"
echo "127.0.0.1 docker.localhost ghcr.localhost" >>/etc/hosts
start_hubs
start_forebay

pull() {
  skopeo copy --src-tls-verify=false "docker://$1" "dir:$(folder_of "$1")"
}

forget() {
  rm -rf "$(folder_of "$1")"
}

digest_of() {
  digest_of_input <"$(folder_of "$1")/manifest.json"
}

folder_of() {
  echo "$WORK/folders/${1//[\/:]/_}"
}

mkdir -p "$WORK/folders"
tell_story docker.io library/app docker.localhost:5000/library/app platform
tell_story ghcr.io org/app ghcr.localhost:5000/org/app platform
