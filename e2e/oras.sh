#!/usr/bin/env bash
# oras: artifacts, what refers to them, indexes and copies between repositories, in Forebay's registry by a user's login.
. "$(dirname "$0")/lib.sh"
need_built oras
furnish_sandbox
cat >"$WORK/forebay.toml" <<TOML
data = "$WORK/data"
local = ["team/*", "mirror/*"]

[[access.allow]]
who = ["user:alice"]
repositories = ["team/*", "mirror/*"]
actions = ["pull", "push", "delete"]
TOML
start_forebay
add_users alice

oras() {
  "$CLIENTS/oras" "$@" --plain-http
}
# The digest of an artifact.
digest_at() {
  oras resolve "$SERVER/$1"
}
cd "$WORK"

echo "== it logs in, and pushes nothing without"
echo text >note.txt
head -c 3000000 /dev/urandom >model.bin
if oras push "$SERVER/team/model:1" note.txt 2>refused; then fail "it was let in without a login"; fi
echo alice-has-a-password | oras login -u alice --password-stdin "$SERVER"

echo "== an artifact comes back as it went"
oras push "$SERVER/team/model:1" --artifact-type application/vnd.example.model model.bin note.txt:text/plain
oras pull "$SERVER/team/model:1" -o pulled
cmp model.bin pulled/model.bin
cmp note.txt pulled/note.txt

echo "== what refers to it is found by its type, also to two steps"
echo '{"sbom":true}' >sbom.json
echo signature >signature
oras attach "$SERVER/team/model:1" --artifact-type application/vnd.example.sbom sbom.json
sbom=$(oras discover "$SERVER/team/model:1" --format json --artifact-type application/vnd.example.sbom | jq -r '.referrers[0].digest')
oras attach "$SERVER/team/model@$sbom" --artifact-type application/vnd.example.signature signature
expect_equal "referrers by another type" 0 \
  "$(oras discover "$SERVER/team/model:1" --format json --artifact-type application/vnd.example.none | jq '.referrers | length')"

echo "== a copy takes all of it along, by mounts"
"$CLIENTS/oras" cp -r --from-plain-http --to-plain-http "$SERVER/team/model:1" "$SERVER/mirror/model:1" 2>&1 | tee copied
expect_equal "digest of the copy" "$(digest_at team/model:1)" "$(digest_at mirror/model:1)"
expect_equal "referrer of the copy" "$sbom" "$(oras discover "$SERVER/mirror/model:1" --format json | jq -r '.referrers[0].digest')"
expect_equal "signature of the copy" 1 \
  "$(oras discover "$SERVER/mirror/model@$sbom" --format json | jq '.referrers | length')"

echo "== an index, tags and lists"
oras manifest index create "$SERVER/team/model:all" 1
oras tag "$SERVER/team/model:1" stable newest
expect_equal "tags" "1 all newest stable" "$(oras repo tags "$SERVER/team/model" | sort | xargs)"
expect_equal "repositories" "mirror/model team/model" "$(oras repo ls "$SERVER" | sort | xargs)"

echo "== what is deleted is gone"
oras manifest delete --force "$SERVER/mirror/model:1"
if digest_at mirror/model:1 2>refused; then fail "it is there after it was deleted"; fi
grep -q 'not found' refused || fail "it is not told as absent: $(cat refused)"
