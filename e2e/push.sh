#!/usr/bin/env bash
# The registry: docker, podman, buildah, skopeo and containerd push to it, and pull what another one pushed; names that are an
# upstream's are refused; what is deleted is gone, what was acknowledged is there after a kill; no upstream hears of any of it.
. "$(dirname "$0")/lib.sh"
need dockerd docker containerd ctr runc podman buildah skopeo
furnish_sandbox
write_config
sed -i '1i local = ["team/*"]' "$WORK/forebay.toml"
printf '[clients]\nloopback_push = true\n' >>"$WORK/forebay.toml"
start_hub docker.io "$DOCKER_HUB" "$DOCKER_HUB_BLOBS" library/app
start_forebay
mark docker.io

export DOCKER_HOST=unix:///run/docker.sock
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver vfs >"$WORK/dockerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" docker version
containerd --config /dev/null >"$WORK/containerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" ctr version

# The digest that the registry says a tag has.
digest_at() {
  curl -sfI -H 'Accept: */*' "http://$SERVER/v2/$1/manifests/$2" | tr -d '\r' |
    sed -n 's/^docker-content-digest: //p'
}

echo "== docker pushes a name of one part"
head -c 2000000 /dev/urandom >"$WORK/layer"
tar -C "$WORK" -cf - layer | docker import - "$SERVER/app:1"
docker push "$SERVER/app:1" | tee "$WORK/push"
pushed=$(sed -n 's/^1: digest: \(sha256:[0-9a-f]*\).*/\1/p' "$WORK/push")
expect_equal "digest that docker pushed" "$pushed" "$(digest_at app 1)"

echo "== docker pushes it again into a namespace: its layers are mounted"
docker tag "$SERVER/app:1" "$SERVER/team/app:1"
docker push "$SERVER/team/app:1" | tee "$WORK/push"
grep -q 'Mounted from app' "$WORK/push" || fail "the layer was not mounted"

echo "== podman, buildah, skopeo and containerd pull what docker pushed"
podman pull --tls-verify=false "$SERVER/app:1"
expect_equal "digest that podman has" "$pushed" "$(podman image inspect --format '{{.Digest}}' "$SERVER/app:1")"
skopeo copy --src-tls-verify=false "docker://$SERVER/team/app:1" "oci:$WORK/oci:1"
ctr images pull --plain-http "$SERVER/app:1"

echo "== each of them pushes"
podman push --tls-verify=false "$SERVER/app:1" "$SERVER/by-podman:1"
container=$(buildah from --tls-verify=false "$SERVER/app:1")
buildah config --label built=yes "$container"
buildah commit "$container" built
buildah push --tls-verify=false built "$SERVER/by-buildah:1"
skopeo copy --dest-tls-verify=false "oci:$WORK/oci:1" "docker://$SERVER/team/by-skopeo:1"
ctr images tag "$SERVER/app:1" "$SERVER/by-containerd:1"
ctr images push --plain-http "$SERVER/by-containerd:1"
repositories='["app","by-buildah","by-containerd","by-podman","team/app","team/by-skopeo"]'
expect_equal "repositories" "$repositories" "$(curl -sf "http://$SERVER/v2/_catalog" | jq -c .repositories)"

echo "== docker pulls what the others pushed"
for image in by-podman:1 by-buildah:1 by-containerd:1 team/by-skopeo:1; do
  docker pull "$SERVER/$image"
done

echo "== a name of an upstream is refused, and says what to do"
docker tag "$SERVER/app:1" "$SERVER/library/app:1.27"
if docker push "$SERVER/library/app:1.27" >"$WORK/refused" 2>&1; then
  fail "library/app was pushed"
fi
mark docker.io

echo "== what was acknowledged is there after a kill"
kill -KILL "$SERVER_PID"
wait_until "$STOP_WITHIN_S" is_gone "$SERVER_PID"
start_forebay
expect_equal "digest after a kill" "$pushed" "$(digest_at app 1)"
skopeo copy --src-tls-verify=false "docker://$SERVER/by-buildah:1" "oci:$WORK/again:1"

echo "== what is deleted is gone"
skopeo delete --tls-verify=false "docker://$SERVER/team/app:1"
expect_equal "status of what was deleted" 404 \
  "$(curl -so /dev/null -w '%{http_code}' "http://$SERVER/v2/team/app/manifests/1")"
expect_equal "digest of what was not" "$pushed" "$(digest_at app 1)"
expect_seen docker.io 0 .
