#!/usr/bin/env bash
# dockerd as `forebay setup docker` sets it up: merged with what was there, checked, falling through, and undone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/setup.bash"
need dockerd docker containerd runc
furnish_sandbox
start_hubs
start_hub_past_forebay
start_forebay

cat >/etc/docker/daemon.json <<'JSON'
{
	"shutdown-timeout": 5,
	"registry-mirrors": ["https://mirror.invalid"]
}
JSON
chmod 640 /etc/docker/daemon.json
cp -p /etc/docker/daemon.json "$WORK/daemon.json"
export DOCKER_HOST=unix:///run/docker.sock

start_dockerd() {
  # No bridge and no firewall rules: it only pulls here.
  dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver vfs >>"$WORK/dockerd.log" 2>&1 &
  DOCKERD_PID=$!
  wait_until "$READY_WITHIN_S" docker version
}

restart_dockerd() {
  stop "$DOCKERD_PID"
  start_dockerd
}

set_up docker
jq -e '."registry-mirrors" == ["http://127.0.0.1:5000", "https://mirror.invalid"] and ."shutdown-timeout" == 5' \
  /etc/docker/daemon.json >"$WORK/jq.log" || fail "it is not merged: $(cat /etc/docker/daemon.json)"
start_dockerd
expect_here docker library/app:1.27

# dockerd goes past a mirror that fails, as it was told; the check sees it.
break_forebay
expect_past docker library/app:1.27 'got an error, and came from elsewhere'

# Changed by somebody since, it is not undone, and it is shown how.
sed -i 's/: 5,/: 6,/' /etc/docker/daemon.json
cp /etc/docker/daemon.json "$WORK/changed.json"
! forebay setup docker --undo >"$WORK/undo.log" 2>&1 || fail "a changed file was undone"
grep -q '^+.*"shutdown-timeout": 6,' "$WORK/undo.log" || fail "the change is not shown: $(cat "$WORK/undo.log")"
cmp /etc/docker/daemon.json "$WORK/changed.json" || fail "a refused undo changed the file"
sed -i 's/: 6,/: 5,/' /etc/docker/daemon.json

forebay setup docker --undo
cmp /etc/docker/daemon.json "$WORK/daemon.json" || fail "the file is not as it was"
expect_equal "mode" 640 "$(stat -c %a /etc/docker/daemon.json)"
expect_equal "files in /etc/docker" daemon.json "$(ls -A /etc/docker | grep -v key.json)"

# Without Forebay in its file, dockerd would ask Docker Hub itself, and the check says so and pulls nothing.
echo '{}' >/etc/docker/daemon.json
restart_dockerd
expect_unpulled docker library/app:1.27
