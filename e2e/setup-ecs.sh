#!/usr/bin/env bash
# A container instance of ECS with the user data that `forebay setup ecs` prints: its dockerd pulls through a Forebay at
# another address than loopback, over plain http.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/setup.bash"
need dockerd docker containerd runc
furnish_sandbox
readonly FAR=10.99.0.1
ip addr add "$FAR/32" dev lo
start_hubs
start_hub_past_forebay
printf '\n[clients]\nallow = ["%s/32"]\n' "$FAR" >>"$WORK/forebay.toml"
sed -i "1i listen = [\"$SERVER\", \"$FAR:5000\"]" "$WORK/forebay.toml"
start_forebay

# An instance has systemd, which starts dockerd anew; here it is started below.
mkdir -p "$WORK/bin" /etc/ecs
printf '#!/bin/sh\necho "$*" >>%s\n' "$WORK/systemctl.log" >"$WORK/bin/systemctl"
chmod +x "$WORK/bin/systemctl"
forebay setup ecs --address "http://$FAR:5000" >"$WORK/user-data"
PATH="$WORK/bin:$PATH" sh -eu "$WORK/user-data"
expect_equal "what systemd was told" 'restart docker' "$(cat "$WORK/systemctl.log")"
expect_equal "the agent's file" ECS_IMAGE_PULL_BEHAVIOR=prefer-cached "$(cat /etc/ecs/ecs.config)"

export DOCKER_HOST=unix:///run/docker.sock
# No bridge and no firewall rules: it only pulls here.
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver vfs >>"$WORK/dockerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" docker version
expect_here ecs library/app:1.27 --address "http://$FAR:5000"
