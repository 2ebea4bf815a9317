#!/usr/bin/env bash
# TLS: curl, skopeo, podman and docker pull by https with an authority of their own; the certificate is replaced between, and
# once by a broken one. What asks for a certificate of the client keeps out who has none.
. "$(dirname "$0")/lib.sh"
need openssl skopeo podman dockerd docker containerd runc
furnish_sandbox
start_hubs

# Not on loopback: docker believes any certificate there, and shows none.
readonly ADDRESS=10.9.9.1
readonly SECURE=forebay.example:5443
readonly STRICT=forebay.example:5444
ip addr add "$ADDRESS/32" dev lo
echo "$ADDRESS forebay.example" >>/etc/hosts
TLS="$WORK/tls"
mkdir -p "$TLS"

# An authority: its key and its certificate.
make_authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
    -keyout "$TLS/$1.key" -out "$TLS/$1.crt" 2>/dev/null
}

# A pair that an authority has signed, in NAME.crt and NAME.key.
make_pair() {
  local authority="$1" name="$2"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
    -keyout "$TLS/$name.key" -out "$TLS/$name.csr" 2>/dev/null
  openssl x509 -req -in "$TLS/$name.csr" -CA "$TLS/$authority.crt" -CAkey "$TLS/$authority.key" -CAcreateserial -days 30 \
    -extfile <(echo "subjectAltName=DNS:forebay.example") -out "$TLS/$name.crt" 2>/dev/null
}

# As a renewer does it: each file at once, one after the other.
install_pair() {
  cp "$TLS/$1.key" "$TLS/new" && mv "$TLS/new" "$TLS/tls.key"
  cp "$TLS/$1.crt" "$TLS/new" && mv "$TLS/new" "$TLS/tls.crt"
}

shown_serial() {
  openssl s_client -connect "$SECURE" -CAfile "$TLS/ours.crt" -verify_return_error </dev/null 2>/dev/null |
    openssl x509 -noout -serial
}

serial_of() {
  openssl x509 -noout -serial -in "$TLS/$1.crt"
}

shows() {
  [ "$(shown_serial)" = "$(serial_of "$1")" ]
}

make_authority ours
make_authority staff
make_pair ours first
make_pair ours second
make_pair ours third
make_pair staff ci
install_pair first
sed -i "1i listen = [\"$SERVER\", \"https://$ADDRESS:5443\"]" "$WORK/forebay.toml"
cat >>"$WORK/forebay.toml" <<TOML
[tls]
cert_file = "$TLS/tls.crt"
key_file = "$TLS/tls.key"

[clients]
allow = ["$ADDRESS/32"]
TOML
start_forebay

echo "== what curl sees"
expect_equal "status by HTTP/2" "200 2" \
  "$(curl -s --http2 --cacert "$TLS/ours.crt" -o /dev/null -w '%{http_code} %{http_version}' "https://$SECURE/v2/")"
expect_equal "status by HTTP/1.1" "200 1.1" \
  "$(curl -s --http1.1 --cacert "$TLS/ours.crt" -o /dev/null -w '%{http_code} %{http_version}' "https://$SECURE/v2/")"
! curl -s --cacert "$TLS/staff.crt" "https://$SECURE/v2/" || fail "curl believed another authority"
! skopeo inspect "docker://$SECURE/docker.io/library/app:1.27" 2>/dev/null || fail "skopeo believed an authority of ours"
! curl -s --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 --cacert "$TLS/ours.crt" "https://$SECURE/v2/" ||
  fail "TLS 1.1 was spoken"
expect_equal "status in clear" 400 "$(curl -s -o "$WORK/clear" -w '%{http_code}' "http://$SECURE/v2/")"
grep -q 'use https://' "$WORK/clear" || fail "who asks in clear is not told to use https: $(cat "$WORK/clear")"

for folder in /etc/containers/certs.d /etc/docker/certs.d; do
  mkdir -p "$folder/$SECURE"
  cp "$TLS/ours.crt" "$folder/$SECURE/ca.crt"
done
install -d /etc/docker
echo "{\"registry-mirrors\": [\"https://$SECURE\"]}" >/etc/docker/daemon.json
export DOCKER_HOST=unix:///run/docker.sock
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver vfs >"$WORK/dockerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" docker version
learn_image docker.io library/app 1.27 index

pull_by_all() {
  local image="$SECURE/docker.io/library/app:1.27" held
  skopeo copy --all "docker://$image" "dir:$WORK/pulled"
  expect_equal "digest of skopeo" "$DIGEST" "$(digest_of_input <"$WORK/pulled/manifest.json")"
  podman --cgroup-manager cgroupfs --events-backend none pull "$image"
  held=$(podman --cgroup-manager cgroupfs image inspect --format '{{.Digest}}' "$image")
  expect_equal "digest of podman" "$DIGEST" "$held"
  docker pull "$image"
  docker pull library/app:1.27
  held=$(docker image inspect --format '{{index .RepoDigests 0}}' "$image" | cut -d@ -f2)
  expect_equal "digest of docker" "$DIGEST" "$held"
  rm -rf "$WORK/pulled"
  podman --cgroup-manager cgroupfs rmi --force "$image"
  docker image rm --force "$image" library/app:1.27
}

echo "== pulls by the first certificate"
shows first || fail "another certificate is shown"
pull_by_all

echo "== pulls by the second, which takes the place of the first without a restart"
install_pair second
wait_until "$READY_WITHIN_S" shows second
pull_by_all

echo "== a broken pair is refused, and the second goes on"
cp "$TLS/third.key" "$TLS/tls.key"
wait_until "$READY_WITHIN_S" grep -q 'was not taken over' "$WORK/forebay.log"
grep -q 'tls.key.*is not the key of the certificate' "$WORK/forebay.log" || fail "the log does not say which file is wrong"
expect_equal "readiness" degraded "$(curl -s "http://$SERVER/readyz" | jq -r .status)"
shows second || fail "the certificate before is not shown any more"
pull_by_all

echo "== whole again, by SIGHUP"
cp "$TLS/third.crt" "$TLS/tls.crt"
kill -HUP "$SERVER_PID"
wait_until "$READY_WITHIN_S" shows third
expect_equal "readiness" ready "$(curl -s "http://$SERVER/readyz" | jq -r .status)"
pull_by_all
stop_forebay

echo "== clients with certificates"
sed -i "s|:5443\"|:5444\"|; s|^key_file.*|&\nclient_ca_file = \"$TLS/staff.crt\"|" "$WORK/forebay.toml"
start_forebay
image="$STRICT/docker.io/library/app:1.27"
for folder in /etc/containers/certs.d /etc/docker/certs.d; do
  mkdir -p "$folder/$STRICT"
  cp "$TLS/ours.crt" "$folder/$STRICT/ca.crt"
done
! curl -s --cacert "$TLS/ours.crt" "https://$STRICT/v2/" || fail "curl came in without a certificate"
! skopeo inspect "docker://$image" 2>/dev/null || fail "skopeo came in without a certificate"
! docker pull "$image" 2>/dev/null || fail "docker came in without a certificate"
for folder in /etc/containers/certs.d /etc/docker/certs.d; do
  cp "$TLS/ci.crt" "$folder/$STRICT/client.cert"
  cp "$TLS/ci.key" "$folder/$STRICT/client.key"
done
curl -sf --cacert "$TLS/ours.crt" --cert "$TLS/ci.crt" --key "$TLS/ci.key" "https://$STRICT/v2/" >/dev/null
skopeo inspect "docker://$image" >/dev/null
docker pull "$image"
stop_forebay
! grep -q 'PRIVATE KEY' "$WORK/forebay.log" || fail "the log holds a key"
