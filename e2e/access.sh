#!/usr/bin/env bash
# Access: accounts made by command while the server runs, docker, podman and skopeo logged in by Docker's token flow, robots by
# their tokens; who may pull does not push, who may not pull sees nothing, and who is put out is out at once.
. "$(dirname "$0")/lib.sh"
need dockerd docker containerd podman skopeo
furnish_sandbox
write_config
sed -i '1i local = ["team/*"]' "$WORK/forebay.toml"
cat >>"$WORK/forebay.toml" <<'TOML'

[[access.allow]]
who = ["user:alice"]
repositories = ["team/*", "secret"]
actions = ["pull", "push", "delete"]

[[access.allow]]
who = ["user:bob"]
repositories = ["team/*"]
actions = ["pull"]

[[access.allow]]
who = ["anonymous"]
repositories = ["docker.io/**"]
actions = ["pull"]
TOML
start_hub docker.io "$DOCKER_HUB" "$DOCKER_HUB_BLOBS" library/app
start_forebay

account() {
  "$BIN/forebay" "$@" --config "$WORK/forebay.toml"
}

add_users alice bob
robot=$(account token create --name ci --repo 'team/*' --actions pull,push --expires 1d)

export DOCKER_HOST=unix:///run/docker.sock
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver vfs >"$WORK/dockerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" docker version

# Runs a command that must fail, and whose words must hold a text.
expect_refused() {
  local text="$1"
  shift
  if "$@" >"$WORK/refused" 2>&1; then fail "this was let through: $*"; fi
  grep -qi "$text" "$WORK/refused" || fail "it was refused without '$text': $(cat "$WORK/refused")"
}

echo "== docker logs in, pushes, and pulls"
expect_refused 'unauthorized' docker login -u alice --password-stdin "$SERVER" <<<wrong-password
docker login -u alice --password-stdin "$SERVER" <<<alice-has-a-password
head -c 100000 /dev/urandom >"$WORK/layer"
tar -C "$WORK" -cf - layer | docker import - "$SERVER/team/app:1"
docker push "$SERVER/team/app:1"
docker tag "$SERVER/team/app:1" "$SERVER/secret:1"
docker push "$SERVER/secret:1"
docker rmi "$SERVER/team/app:1"
docker pull "$SERVER/team/app:1"
docker logout "$SERVER"

echo "== who has not logged in gets what everybody may have, and nothing else"
skopeo copy --src-tls-verify=false "docker://$SERVER/library/app:1.27" "oci:$WORK/public:1"
expect_refused 'unauthorized\|authentication required\|access to the resource is denied' docker pull "$SERVER/team/app:1"
expect_refused 'unauthorized\|authentication required\|access to the resource is denied' docker push "$SERVER/team/app:1"

echo "== who may pull does not push, and sees nothing else"
podman login --tls-verify=false -u bob --password-stdin "$SERVER" <<<bob-has-a-password
podman pull --tls-verify=false "$SERVER/team/app:1"
expect_refused 'denied' podman push --tls-verify=false "$SERVER/team/app:1" "$SERVER/team/app:2"
expect_refused 'not shown\|name unknown' podman pull --tls-verify=false "$SERVER/secret:1"
there=$(curl -s -u bob:bob-has-a-password "http://$SERVER/v2/secret/manifests/1")
absent=$(curl -s -u bob:bob-has-a-password "http://$SERVER/v2/nothing/manifests/1")
expect_equal "what hides and what is not there" "$absent" "$there"
expect_equal "repositories that bob sees" '["team/app"]' \
  "$(curl -sf -u bob:bob-has-a-password "http://$SERVER/v2/_catalog" | jq -c .repositories)"

echo "== a robot's token does what it was made for, until it is revoked"
skopeo copy --dest-tls-verify=false --dest-creds "ci:$robot" "oci:$WORK/public:1" "docker://$SERVER/team/by-robot:1"
expect_refused 'denied\|name unknown\|not shown' \
  skopeo copy --dest-tls-verify=false --dest-creds "ci:$robot" "oci:$WORK/public:1" "docker://$SERVER/secret:2"
account token revoke ci
expect_refused 'unauthorized\|authentication required\|invalid username' \
  skopeo inspect --tls-verify=false --creds "ci:$robot" "docker://$SERVER/team/by-robot:1"

echo "== who is put out is out at once"
account user disable bob
expect_refused 'unauthorized\|authentication required\|invalid username' \
  podman pull --tls-verify=false "$SERVER/team/app:1"

echo "== who changed what is written down, and no secret anywhere"
written_down() {
  jq -c "select(.who == \"$1\" and .act == \"$2\" and .object == \"$3\" and .outcome == \"$4\")" "$WORK/data/audit.jsonl"
}
[ -n "$(written_down user:alice push-manifest local/team/app:1 done)" ] || fail "the push is not in the audit log"
[ -n "$(written_down user:bob push-manifest local/team/app:2 denied)" ] || fail "the refused push is not in the audit log"
[ -n "$(written_down "control socket (uid $(id -u))" change-account 'disable user bob' done)" ] || fail "the change of an account is not in the audit log"
for secret in alice-has-a-password bob-has-a-password wrong-password "$robot"; do
  if grep -rqaF -- "$secret" "$WORK/forebay.log" "$WORK/data"; then fail "a secret was written down"; fi
done
