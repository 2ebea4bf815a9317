#!/usr/bin/env bash
# The Compose file under Docker Compose: it builds, starts, serves through its published port, is started again when it was
# killed, and comes back with its data after `down`.
. "$(dirname "$0")/lib.sh"
need dockerd docker docker-compose docker-proxy skopeo runc
[ -x "$ROOT/target/image/forebay" ] || skip "packaging/build-static was not run"
furnish_sandbox

# Containers reach this address of the sandbox, and not its loopback.
readonly OUTSIDE=172.31.0.1
export DOCKER_HOST=unix:///run/docker.sock
dockerd --iptables=false --ip6tables=false --bip "$OUTSIDE/24" --storage-driver vfs \
  --default-address-pool base=172.30.0.0/16,size=24 >"$WORK/dockerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" docker version

"$BIN/hub-sim" --log --limit none --listen "$OUTSIDE:7000" --blob-listen "$OUTSIDE:7001" \
  --image library/app:1.27=20kB,3MB >"$WORK/hub.log" 2>&1 &
wait_until "$READY_WITHIN_S" curl -s "http://$OUTSIDE:7000/v2/"

# The folders as they are in a checkout. Compose 1 does not know `name`, for which its flag stands in.
mkdir -p "$WORK/checkout/packaging" "$WORK/checkout/target"
cp -a "$ROOT/target/image" "$WORK/checkout/target/image"
cp "$ROOT/packaging/Containerfile" "$WORK/checkout/packaging/Containerfile"
grep -v '^name: ' "$ROOT/packaging/compose.yaml" >"$WORK/checkout/packaging/compose.yaml"
cp "$ROOT/packaging/forebay.toml" "$WORK/checkout/packaging/forebay.toml"
cat >>"$WORK/checkout/packaging/forebay.toml" <<TOML

[upstreams."docker.io"]
url = "http://$OUTSIDE:7000"
token_hosts = ["$OUTSIDE:7000"]
blob_hosts = ["$OUTSIDE:7001"]
TOML

compose() {
  docker-compose --project-name forebay --file "$WORK/checkout/packaging/compose.yaml" "$@"
}

container() {
  docker inspect --format "$1" forebay_forebay_1
}

pull_image() {
  rm -rf "$WORK/image"
  skopeo copy --src-tls-verify=false "docker://$SERVER/library/app:1.27" "dir:$WORK/image" >"$WORK/pull.log" 2>&1 ||
    fail "the image was not pulled: $(cat "$WORK/pull.log")"
}

is_ready() {
  curl -sf "http://$SERVER/readyz"
}

is_started_again() {
  [ "$(container '{{.RestartCount}}')" = "$1" ] && is_ready
}

requests() {
  grep -c '/manifests/\|^[^ ]* GET blob' "$WORK/hub.log"
}

echo "== up"
compose up --detach --build >"$WORK/compose.log" 2>&1 || fail "compose up: $(cat "$WORK/compose.log")"
wait_until "$READY_WITHIN_S" is_ready
pull_image
asked=$(requests)
[ "$asked" -gt 0 ] || fail "nobody asked the hub"

echo "== killed"
kill -KILL "$(container '{{.State.Pid}}')"
wait_until "$READY_WITHIN_S" is_started_again 1
pull_image
expect_equal "requests at the hub" "$asked" "$(requests)"

echo "== stopped"
compose stop >"$WORK/compose.log" 2>&1
expect_equal "exit status after SIGTERM" 0 "$(container '{{.State.ExitCode}}')"

echo "== down, and up again"
compose down >"$WORK/compose.log" 2>&1
compose up --detach >"$WORK/compose.log" 2>&1 || fail "compose up: $(cat "$WORK/compose.log")"
wait_until "$READY_WITHIN_S" is_ready
pull_image
expect_equal "requests at the hub" "$asked" "$(requests)"
compose down --volumes >"$WORK/compose.log" 2>&1
