#!/usr/bin/env bash
# An upstream that is asked as its clients: docker, podman, skopeo and containerd log in here with their account there; who may pull
# there pulls, who may not is told that there is nothing, and who no longer may is out soon, although all is kept.
. "$(dirname "$0")/lib.sh"
need dockerd docker containerd ctr podman skopeo
furnish_sandbox

readonly GUARDED=127.0.0.1:7200
readonly GUARDED_BLOBS=127.0.0.9:7201
readonly OURS=private.localhost:5000
readonly ALICE=alice:alice-has-a-password
readonly BOB=bob:bob-has-a-password
echo "127.0.0.1 private.localhost" >>/etc/hosts

write_config
cat >>"$WORK/forebay.toml" <<TOML

[upstreams."registry.example"]
url = "http://$GUARDED"
token_hosts = ["$GUARDED"]
blob_hosts = ["$GUARDED_BLOBS"]
hosts = ["$OURS"]
authorize = "client"
authorize_for = "3s"
username = "operator"
password = "operator-has-a-password"
TOML

# The registry, where these may read team/app. Its requests are told from its start on.
start_guarded() {
  "$BIN/hub-sim" --log --limit none --listen "$GUARDED" --blob-listen "$GUARDED_BLOBS" \
    --account "$ALICE" --account "$BOB" --account operator:operator-has-a-password \
    --image team/app:1.27=20kB,3MB --image library/open:1.27=10kB --private "team/app=$1" >"$WORK/guarded.log" 2>&1 &
  GUARDED_PID=$!
  wait_until "$READY_WITHIN_S" curl -s "http://$GUARDED/v2/"
}

stop_guarded() {
  kill -INT "$GUARDED_PID"
  wait_until "$STOP_WITHIN_S" is_gone "$GUARDED_PID"
  expect_equal "violations at the registry" "" "$(grep '^violation:' "$WORK/guarded.log" || true)"
}

# Runs a command that must fail, and whose words must hold a text.
expect_refused() {
  local text="$1"
  shift
  if "$@" >"$WORK/refused" 2>&1; then fail "this was let through: $*"; fi
  grep -qi "$text" "$WORK/refused" || fail "it was refused without '$text': $(cat "$WORK/refused")"
}

inspect_as() {
  skopeo inspect --tls-verify=false --creds "$1" "docker://$OURS/team/app:1.27"
}

is_refused() {
  ! inspect_as "$1"
}

start_guarded operator,alice
start_forebay
export DOCKER_HOST=unix:///run/docker.sock
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver vfs --insecure-registry "$OURS" \
  >"$WORK/dockerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" docker version

echo "== docker, podman, skopeo and containerd pull with the login that they have there"
expect_refused 'unauthorized' docker login -u alice --password-stdin "$OURS" <<<wrong-password
docker login -u alice --password-stdin "$OURS" <<<"${ALICE#*:}"
docker pull "$OURS/team/app:1.27"
podman login --tls-verify=false -u alice --password-stdin "$OURS" <<<"${ALICE#*:}"
podman pull --tls-verify=false "$OURS/team/app:1.27"
skopeo copy --src-tls-verify=false --src-creds "$ALICE" "docker://$OURS/team/app:1.27" "dir:$WORK/copied"
wait_until "$READY_WITHIN_S" ctr -a /run/docker/containerd/containerd.sock version
ctr -a /run/docker/containerd/containerd.sock images pull --plain-http --user "$ALICE" "$OURS/team/app:1.27"
operators=$(grep -c 'GET registry /v2/team/app/manifests/' "$WORK/guarded.log")
expect_equal "manifests that were fetched for all of them" 1 "$operators"

echo "== clients that name images by the registry are led to its host by what setup writes"
lead() {
  "$BIN/forebay" setup "$1" --config "$WORK/forebay.toml" --upstream registry.example --address "http://$SERVER" --write
}
named=registry.example/team/app:1.27
ctr_pull() {
  ctr -a /run/docker/containerd/containerd.sock images pull --hosts-dir /etc/containerd/certs.d "$@" "$named"
}
lead containerd
grep -qx "server = \"http://$OURS\"" /etc/containerd/certs.d/registry.example/hosts.toml || fail "containerd is led elsewhere"
ctr_pull --user "$ALICE"
expect_refused 'unauthorized\|authorization failed' ctr_pull
lead podman
podman pull "$named"
"$BIN/forebay" setup podman --config "$WORK/forebay.toml" --undo
operators=$(grep -c 'GET registry /v2/team/app/manifests/' "$WORK/guarded.log")
expect_equal "manifests that were fetched for all of them" 1 "$operators"

echo "== who may not pull there finds nothing here, and who does not log in what everybody may have"
expect_refused 'unknown\|not shown\|not found' skopeo inspect --tls-verify=false --creds "$BOB" "docker://$OURS/team/app:1.27"
expect_refused 'unauthorized\|authentication required' \
  skopeo inspect --tls-verify=false --no-creds "docker://$OURS/team/app:1.27"
skopeo copy --src-tls-verify=false --src-no-creds "docker://$OURS/library/open:1.27" "dir:$WORK/open"
expect_refused 'host name of its own' curl -s --fail-with-body "http://$SERVER/v2/registry.example/team/app/manifests/1.27"
expect_refused 'host name of its own' curl -s --fail-with-body "http://$SERVER/v2/team/app/manifests/1.27?ns=registry.example"

echo "== whose right is taken back there is out here, although all is kept"
stop_guarded
start_guarded operator,bob
wait_until "$READY_WITHIN_S" is_refused "$ALICE"
docker rmi "$OURS/team/app:1.27"
expect_refused 'unknown\|not shown\|not found\|denied' docker pull "$OURS/team/app:1.27"
wait_until "$READY_WITHIN_S" inspect_as "$BOB"
stop_guarded
wait_until "$READY_WITHIN_S" is_refused "$BOB"

echo "== no secret anywhere"
for secret in alice-has-a-password bob-has-a-password wrong-password operator-has-a-password; do
  if grep -rqaF -- "$secret" "$WORK/forebay.log" "$WORK/data"; then fail "a secret was written down"; fi
  encoded=$(printf 'alice:%s' "$secret" | base64 -w0)
  if grep -rqaF -- "$encoded" "$WORK/forebay.log" "$WORK/data"; then fail "a login was written down"; fi
done
