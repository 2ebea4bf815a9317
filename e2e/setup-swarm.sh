#!/usr/bin/env bash
# A node of a Docker Swarm as `forebay setup swarm` sets it up: the image of a service comes through Forebay, and so does
# what the manager asks of it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/setup.bash"
need dockerd docker containerd runc
furnish_sandbox
start_hubs
start_hub_past_forebay
start_forebay

export DOCKER_HOST=unix:///run/docker.sock

set_up swarm
# No bridge and no firewall rules: it only pulls here.
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver vfs >>"$WORK/dockerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" docker version
docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1 >"$WORK/swarm.log" 2>&1 ||
  fail "no swarm: $(cat "$WORK/swarm.log")"
count_past >/dev/null
mark docker.io

# The image holds no program, so that its task never runs: what is tested is where manager and node take it from.
docker service create --detach --name app --network host --restart-condition none library/app:1.27 \
  >"$WORK/service.log" 2>&1 || fail "no service: $(cat "$WORK/service.log")"
# A swarm pulls what the manager has resolved, by digest.
has_image() {
  docker image ls --digests --format '{{.Repository}}@{{.Digest}}' | grep '^app@sha256:'
}
wait_until "$READY_WITHIN_S" has_image
expect_equal "requests past Forebay" 0 "$(count_past)"
[ "$(seen docker.io '^GET blob ' | wc -l)" -gt 0 ] || fail "Forebay fetched nothing: $(docker service ps --no-trunc app)"
docker service rm app

expect_here swarm library/app:latest
