#!/usr/bin/env bash
# skopeo: every platform of an image, by the registry's name or a prefix of the operator's own as the first part of the
# path.
. "$(dirname "$0")/lib.sh"
need skopeo
furnish_sandbox
start_hubs
start_forebay

pull() {
  skopeo copy --all --src-tls-verify=false "docker://$1" "dir:$(folder_of "$1")"
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
tell_story docker.io library/app "$SERVER/docker.io/library/app" all
tell_story ghcr.io org/app "$SERVER/ghcr.io/org/app" all
start_afresh
tell_story docker.io library/app "$SERVER/hub/library/app" all
