#!/usr/bin/env bash
# Backups: made while skopeo pushes and deletes, again into the same directory, from a stopped data directory, and onto a disk that is
# full; a server that runs on one, or on a copy of the data directory, serves every image byte for byte, and knows its users. Rows
# that are damaged or gone are made again, and a layer that rots is named by its image.
. "$(dirname "$0")/lib.sh"
need skopeo
furnish_sandbox
write_config
cat >>"$WORK/forebay.toml" <<'TOML'
[clients]
loopback_push = true
TOML

run_forebay() {
  "$BIN/forebay" "$@" --config "$WORK/forebay.toml"
}

# Makes an image with a layer of so many bytes, which no other image has, in an OCI layout.
make_image() {
  local dir="$1" bytes="$2" layer config manifest
  mkdir -p "$dir/blobs/sha256"
  head -c "$bytes" /dev/urandom >"$dir/new"
  layer=$(sha256sum <"$dir/new" | cut -d' ' -f1)
  mv "$dir/new" "$dir/blobs/sha256/$layer"
  printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$layer" >"$dir/new"
  config=$(sha256sum <"$dir/new" | cut -d' ' -f1)
  mv "$dir/new" "$dir/blobs/sha256/$config"
  jq -nc --arg layer "sha256:$layer" --arg config "sha256:$config" --argjson bytes "$bytes" \
    --argjson config_bytes "$(stat -c %s "$dir/blobs/sha256/$config")" '{schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $config, size: $config_bytes},
      layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: $layer, size: $bytes}]}' >"$dir/new"
  manifest=$(sha256sum <"$dir/new" | cut -d' ' -f1)
  jq -nc --arg manifest "sha256:$manifest" --argjson bytes "$(stat -c %s "$dir/new")" '{schemaVersion: 2, manifests: [
    {mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $manifest, size: $bytes}]}' >"$dir/index.json"
  mv "$dir/new" "$dir/blobs/sha256/$manifest"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
}

push() {
  local image="$1" bytes="$2" dir="$WORK/oci-${1//[:\/]/-}"
  rm -rf "$dir"
  make_image "$dir" "$bytes"
  skopeo copy -q --dest-tls-verify=false "oci:$dir" "docker://$SERVER/$image"
}

digest_at() {
  skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$SERVER/$1"
}

# Pulls each image that is named in a file, with its digest, and fails unless that is what comes.
pull_all() {
  local image digest server="${2:-$SERVER}" dir="$WORK/pulled"
  while read -r image digest; do
    rm -rf "$dir"
    skopeo copy -q --src-tls-verify=false "docker://$server/$image" "dir:$dir"
    expect_equal "digest of $image" "$digest" "$(digest_of_input <"$dir/manifest.json")"
  done <"$1"
}

start_on() {
  "$BIN/forebay" serve --config "$WORK/forebay.toml" --data "$1" >>"$WORK/forebay.log" 2>&1 &
  SERVER_PID=$!
  wait_for_forebay "$SERVER_PID"
}

start_forebay
echo correct-horse | run_forebay user add alice
for number in 1 2 3; do
  push "app:$number" 3000000
  echo "app:$number $(digest_at "app:$number")" >>"$WORK/images"
done

echo "== a backup while others push and delete"
(
  for number in $(seq 1 12); do
    push "busy:$number" 400000
    [ $((number % 3)) -ne 0 ] || skopeo delete --tls-verify=false "docker://$SERVER/busy:$number"
  done
) &
pushing=$!
run_forebay backup "$WORK/backup" | tee "$WORK/said"
grep -q 'objects\? and .* copied' "$WORK/said" || fail "the backup told nothing"
for run in 1 2 3; do
  run_forebay backup "$WORK/backup" --json >"$WORK/report.json"
  expect_equal "what was not copied in run $run" 0 "$(jq '.uncopied | length' "$WORK/report.json")"
done
wait "$pushing"
run_forebay backup "$WORK/backup" --json >"$WORK/report.json"
for number in 1 2 4 5 7 8 10 11; do
  echo "busy:$number $(digest_at "busy:$number")" >>"$WORK/images"
done
run_forebay backup "$WORK/backup" --json >"$WORK/again.json"
expect_equal "objects that the run after copied" 0 "$(jq .copied_objects "$WORK/again.json")"

echo "== what rots in it is seen and copied anew by a run that verifies"
rotten=$(find "$WORK/backup/registry/blobs" -type f -size +100k | head -n 1)
printf 'rot' | dd of="$rotten" bs=1 seek=1000 conv=notrunc status=none
run_forebay backup "$WORK/backup"
if run_forebay backup "$WORK/backup" --verify >"$WORK/said" 2>&1; then fail "rot in the backup was not found"; fi
grep -q '1 object had rotted in the backup, and was copied anew' "$WORK/said" || fail "$(cat "$WORK/said")"
run_forebay backup "$WORK/backup" --verify

echo "== a copy of it runs beside the server, as the guide says"
cp -a "$WORK/backup" "$WORK/tried"
"$BIN/forebay" fsck --dry-run --data "$WORK/tried" | grep 'sound objects'
FOREBAY_LIFECYCLE='[]' FOREBAY_ALERTS__WEBHOOKS='[]' \
  "$BIN/forebay" serve --config "$WORK/forebay.toml" --data "$WORK/tried" --listen 127.0.0.1:5001 >"$WORK/tried.log" 2>&1 &
tried=$!
wait_until "$READY_WITHIN_S" curl -sf http://127.0.0.1:5001/readyz
pull_all "$WORK/images" 127.0.0.1:5001
pull_all "$WORK/images"
stop "$tried"
run_forebay backup "$WORK/backup"

echo "== it goes nowhere where it could take something away"
mkdir "$WORK/foreign"
echo mine >"$WORK/foreign/file"
if run_forebay backup "$WORK/foreign" 2>"$WORK/refused"; then fail "a foreign directory was taken"; fi
grep -q 'neither empty nor an earlier backup' "$WORK/refused" || fail "$(cat "$WORK/refused")"
expect_equal "what the foreign directory has" file "$(ls "$WORK/foreign")"

echo "== a full disk is told, and what was there stays"
mkdir "$WORK/small"
mount -t tmpfs -o size=4m,mode=700 small "$WORK/small"
if run_forebay backup "$WORK/small/backup" 2>"$WORK/refused"; then fail "a full disk took a backup"; fi
grep -q 'no space is left' "$WORK/refused" || fail "$(cat "$WORK/refused")"
umount "$WORK/small"

echo "== the data is gone, the backup serves"
stop_forebay
cp -a "$WORK/data" "$WORK/stopped"
cp -a "$WORK/backup" "$WORK/restored"
mv "$WORK/data" "$WORK/lost"
start_on "$WORK/restored"
pull_all "$WORK/images"
expect_equal "the users" alice "$("$BIN/forebay" user list --data "$WORK/restored" --json | jq -r '.[].name')"
expect_equal "status of what was deleted" 404 \
  "$(curl -so /dev/null -w '%{http_code}' "http://$SERVER/v2/busy/manifests/3")"
push app:4 1000
stop_forebay

echo "== what took a push since is no backup any more"
mv "$WORK/lost" "$WORK/data"
if run_forebay backup "$WORK/restored" 2>"$WORK/refused"; then fail "a data directory was overwritten"; fi
grep -q 'its content was changed since' "$WORK/refused" || fail "$(cat "$WORK/refused")"

echo "== a copy of the data directory, made while it was stopped, serves too"
start_on "$WORK/stopped"
pull_all "$WORK/images"
stop_forebay

echo "== a backup of a stopped data directory, and a kill in its middle"
run_forebay backup "$WORK/backup" --json >"$WORK/report.json"
expect_equal "what was not copied" 0 "$(jq '.uncopied | length' "$WORK/report.json")"
start_forebay
push big:1 60000000
echo "big:1 $(digest_at big:1)" >"$WORK/big"
stop_forebay
for after in 0.02 0.05 0.1 0.2 0.4; do
  run_forebay backup "$WORK/backup" >/dev/null 2>&1 &
  killed=$!
  sleep "$after"
  kill -KILL "$killed" 2>/dev/null || true
  wait "$killed" 2>/dev/null || true
  rm -rf "$WORK/restored"
  cp -a "$WORK/backup" "$WORK/restored"
  start_on "$WORK/restored"
  pull_all "$WORK/images"
  stop_forebay
done
run_forebay backup "$WORK/backup"
start_on "$WORK/backup"
pull_all "$WORK/images"
pull_all "$WORK/big"
stop_forebay

echo "== rows that cannot be read stop the server, and are made again from journals and blobs"
cp -a "$WORK/data" "$WORK/sound"
dd if=/dev/urandom of="$WORK/data/registry.sqlite" bs=4096 count=2 conv=notrunc status=none
if "$BIN/forebay" serve --config "$WORK/forebay.toml" >"$WORK/refused" 2>&1; then fail "it served damaged rows"; fi
grep -q 'forebay fsck' "$WORK/refused" || fail "$(cat "$WORK/refused")"
if run_forebay fsck --dry-run >"$WORK/said" 2>&1; then fail "damaged rows were found sound"; fi
grep -q 'registry  registry.sqlite is damaged' "$WORK/said" || fail "$(cat "$WORK/said")"
if run_forebay fsck >"$WORK/said" 2>&1; then fail "damaged rows were found sound"; fi
cat "$WORK/said"
grep -q 'rows made again from journals and blobs: 3 repositories' "$WORK/said" || fail "they were not made again"
run_forebay fsck | grep 'sound objects'
start_forebay
pull_all "$WORK/images"
pull_all "$WORK/big"
stop_forebay

echo "== rows that are gone are no empty registry"
rm "$WORK/data/registry.sqlite"
if "$BIN/forebay" serve --config "$WORK/forebay.toml" >"$WORK/refused" 2>&1; then fail "it served no rows"; fi
grep -q 'journals of local repositories, but no rows' "$WORK/refused" || fail "$(cat "$WORK/refused")"
if run_forebay user add bob --generate 2>"$WORK/refused"; then fail "a user was made in new rows"; fi
rm -rf "$WORK/data"
mv "$WORK/sound" "$WORK/data"

echo "== a layer that rots is named by its image, put aside, and pushed again"
start_forebay
layer=$(skopeo inspect --raw --tls-verify=false "docker://$SERVER/app:1" | jq -r '.layers[0].digest' | cut -d: -f2)
file="$WORK/data/registry/blobs/sha256/${layer:0:2}/$layer"
printf 'rot' | dd of="$file" bs=1 seek=1000 conv=notrunc status=none
if run_forebay fsck >"$WORK/said"; then fail "rot was not found"; fi
grep -q "sha256:$layer  damaged in the registry, needed by app:1: put aside" "$WORK/said" || fail "$(cat "$WORK/said")"
[ -e "$WORK/data/registry/damaged/$layer" ] || fail "the damaged layer was thrown away"
skopeo copy -q --dest-tls-verify=false "oci:$WORK/oci-app-1" "docker://$SERVER/app:1"
run_forebay fsck | grep 'sound objects'
pull_all "$WORK/images"
