#!/usr/bin/env bash
# podman as `forebay setup podman` sets it up: closed, falling back, and undone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/setup.bash"
need podman
furnish_sandbox
start_hubs
start_hub_past_forebay
start_forebay
# The check calls podman as it is, so what the sandbox lacks is said in its file.
printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n' >/etc/containers/containers.conf
find /etc/containers | sort >"$WORK/files"

set_up podman
expect_here podman library/app:1.27
break_forebay
expect_closed podman library/app:1.27

set_up podman --fall-back
expect_past podman library/app:1.27 'got an error, and came from elsewhere'

forebay setup podman --undo
find /etc/containers | sort | diff "$WORK/files" - || fail "files were left behind"
expect_unpulled podman library/app:1.27
