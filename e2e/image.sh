#!/usr/bin/env bash
# The container image: built from nothing by buildah, run by podman with every restriction, pulled through.
. "$(dirname "$0")/lib.sh"
need buildah podman skopeo runc systemd-analyze
furnish_sandbox
start_hubs

podman() {
  command podman --runtime runc --cgroup-manager cgroupfs --events-backend none "$@"
}

# A folder as the context, and no registry to ask: the image begins with nothing.
buildah build --isolation chroot --tag forebay --file "$ROOT/packaging/Containerfile" "$ROOT/target/image"

config=$(buildah inspect --type image forebay | jq '.OCIv1.config')
expect_equal "the image's user" 65532:65532 "$(jq -r .User <<<"$config")"
expect_equal "the image's volume" /data "$(jq -r '.Volumes | keys | join(" ")' <<<"$config")"
expect_equal "the image's port" 5000/tcp "$(jq -r '.ExposedPorts | keys | join(" ")' <<<"$config")"

# Its version, and that it finds nothing missing in an image that holds nothing else.
podman run --rm forebay --version

# It listens on every address, so it must be told who may ask, and says so.
if podman run --rm --network host forebay >"$WORK/refused.log" 2>&1; then
  fail "the image started off loopback although nobody may ask"
fi
grep -q 'clients' "$WORK/refused.log" || fail "the refusal names no key: $(cat "$WORK/refused.log")"

# The resolver that is linked in finds one hub in /etc/hosts and asks a name server for the other.
echo "127.0.0.1 hub.test" >>/etc/hosts
echo "nameserver 127.0.0.1" >/etc/resolv.conf
/usr/bin/python3 "$ROOT/e2e/dns.py" >"$WORK/dns.log" 2>&1 &
wait_until "$READY_WITHIN_S" grep -q listening "$WORK/dns.log"
sed -i "s|^url = \"http://$DOCKER_HUB\"|url = \"http://hub.test:7000\"\nprivate = true\ninsecure = true|
  s|^url = \"http://$GHCR\"|url = \"http://ghcr.test:7100\"\nprivate = true\ninsecure = true|
  /^data = /d" "$WORK/forebay.toml"

# Besides the image's own restrictions, the system calls are those that the systemd unit leaves: here they are tried.
/usr/bin/python3 "$ROOT/e2e/seccomp.py" "$ROOT/packaging/forebay.service" >"$WORK/seccomp.json"
podman run --name forebay --network host --read-only --cap-drop all \
  --security-opt no-new-privileges --security-opt "seccomp=$WORK/seccomp.json" \
  --volume data:/data --volume "$WORK/forebay.toml:/etc/forebay.toml:ro" \
  --env FOREBAY_CLIENTS__ALLOW=10.0.0.0/8 forebay serve --config /etc/forebay.toml >"$WORK/forebay.log" 2>&1 &
wait_for_forebay $!

for image in docker.io/library/app ghcr.io/org/app; do
  hub=${image%%/*}
  learn_image "$hub" "${image#*/}" 1.27 all
  mark "$hub"
  skopeo copy --all --src-tls-verify=false "docker://$SERVER/$image:1.27" "dir:$WORK/$hub"
  expect_fetched_once "$hub" "${image#*/}"
done

# A command in the container finds the server there.
podman exec forebay /forebay fsck
podman exec forebay /forebay refresh docker.io/library/app:1.27

podman stop --time "$STOP_WITHIN_S" forebay
expect_equal "exit status after SIGTERM" 0 "$(podman inspect --format '{{.State.ExitCode}}' forebay)"
