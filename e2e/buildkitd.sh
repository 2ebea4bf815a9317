#!/usr/bin/env bash
# BuildKit by itself: pushes what it builds, attestations and build cache to Forebay's registry, and builds from there.
. "$(dirname "$0")/lib.sh"
need_built buildctl buildkitd
need runc
furnish_sandbox
write_config
printf '[clients]\nloopback_push = true\n' >>"$WORK/forebay.toml"
start_hub docker.io "$DOCKER_HUB" "$DOCKER_HUB_BLOBS" library/app
start_forebay
mark docker.io

export BUILDKIT_HOST="unix://$WORK/buildkitd.sock"
printf '[registry."%s"]\nhttp = true\n' "$SERVER" >"$WORK/buildkitd.toml"
"$CLIENTS/buildkitd" --config "$WORK/buildkitd.toml" --addr "$BUILDKIT_HOST" --root "$WORK/buildkit" \
  --oci-worker-snapshotter native --containerd-worker=false >"$WORK/buildkitd.log" 2>&1 &
wait_until "$READY_WITHIN_S" "$CLIENTS/buildctl" debug workers

mkdir "$WORK/context"
head -c 5000000 /dev/urandom >"$WORK/context/layer"

# Builds $WORK/context for two platforms, pushes it as NAME, and prints the digest.
build() {
  local name="$1"
  shift
  "$CLIENTS/buildctl" build --frontend dockerfile.v0 --local context="$WORK/context" --local dockerfile="$WORK/context" \
    --opt platform=linux/amd64,linux/arm64 --output "type=image,name=$SERVER/$name,push=true" \
    --metadata-file "$WORK/metadata" --progress plain "$@" >"$WORK/build.log" 2>&1 || fail "$(tail -n 25 "$WORK/build.log")"
  jq -r '."containerimage.digest"' "$WORK/metadata"
}

manifest() {
  curl -sf -H 'Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json' \
    "http://$SERVER/v2/$1/manifests/$2"
}

echo "== it pushes an index of two platforms, with their provenance, and its cache"
printf 'FROM scratch\nCOPY layer /layer\n' >"$WORK/context/Dockerfile"
built=$(build app:1 --opt attest:provenance=mode=max --export-cache "type=registry,ref=$SERVER/cache:app,mode=max")
expect_equal "digest of what was pushed" "$built" "$(manifest app 1 | digest_of_input)"
expect_equal "manifests in the index" 4 "$(manifest app 1 | jq '.manifests | length')"

echo "== a builder that knows nothing takes the cache, and makes the same layers"
"$CLIENTS/buildctl" prune --all >/dev/null
again=$(build app:2 --import-cache "type=registry,ref=$SERVER/cache:app")
grep -q '#.* CACHED' "$WORK/build.log" || fail "nothing came from the cache: $(cat "$WORK/build.log")"
layer_of() {
  local platform
  platform=$(manifest app "$1" | jq -r '[.manifests[] | select(.platform.architecture == "arm64")][0].digest')
  manifest app "$platform" | jq -r '.layers[].digest'
}
expect_equal "layers of $again" "$(layer_of 1)" "$(layer_of 2)"

echo "== it builds upon what it pushed"
printf 'FROM %s/app:1\nLABEL more=yes\n' "$SERVER" >"$WORK/context/Dockerfile"
"$CLIENTS/buildctl" prune --all >/dev/null
build other:1 >/dev/null
expect_equal "repositories" '["app","cache","other"]' "$(curl -sf "http://$SERVER/v2/_catalog" | jq -c .repositories)"
expect_seen docker.io 0 .
