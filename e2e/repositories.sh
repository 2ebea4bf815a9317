#!/usr/bin/env bash
# The operator's commands: what forebay repo, pin and gc say holds for docker and skopeo, with a server that runs and without one;
# rules are looked at, then applied; what is pinned stays; an ECR policy becomes rules that do what it said.
. "$(dirname "$0")/lib.sh"
need skopeo dockerd docker
furnish_sandbox
write_config
sed -i '1i local = ["team/*"]' "$WORK/forebay.toml"
cat >>"$WORK/forebay.toml" <<'TOML'
[[lifecycle]]
repositories = ["team/*"]
tags = ["v*"]
keep_newest = 1

[clients]
loopback_push = true
TOML
start_hub docker.io "$DOCKER_HUB" "$DOCKER_HUB_BLOBS" library/app
start_forebay
mark docker.io

run_forebay() {
  "$BIN/forebay" "$@" --config "$WORK/forebay.toml"
}

# Pushes an image with a layer of so many bytes, which no other image has.
push() {
  local image="$1" bytes="$2" dir="$WORK/oci-$RANDOM"
  mkdir -p "$dir"
  head -c "$bytes" /dev/urandom >"$dir/layer"
  tar -C "$dir" -cf "$dir/layer.tar" layer
  docker import "$dir/layer.tar" "$SERVER/$image" >/dev/null
  docker push -q "$SERVER/$image"
}

status_of() {
  curl -so /dev/null -w '%{http_code}' -H 'Accept: */*' "http://$SERVER/v2/$1/manifests/$2"
}

export DOCKER_HOST=unix:///run/docker.sock
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver vfs >"$WORK/dockerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" docker version

echo "== a repository is made, and what was said of it holds for docker"
run_forebay repo create team/app --immutable-tags 'v*' --quota 1MB
push team/app:v1 200000
docker tag "$SERVER/team/app:v1" "$SERVER/team/app:latest"
docker push -q "$SERVER/team/app:latest"
if push team/app:v1 1000 >"$WORK/refused" 2>&1; then fail "an immutable tag was moved"; fi
grep -qi immutable "$WORK/refused" || fail "docker was not told that the tag is immutable: $(cat "$WORK/refused")"
if push team/app:big 5000000 >"$WORK/refused" 2>&1; then fail "the quota did not hold"; fi
grep -qi quota "$WORK/refused" || fail "docker was not told of the quota: $(cat "$WORK/refused")"
if skopeo delete --tls-verify=false "docker://$SERVER/team/app:v1" >"$WORK/refused" 2>&1; then fail "v1 was deleted"; fi
run_forebay repo set team/app --no-quota --no-immutable-tags
for tag in v2 v3; do push "team/app:$tag" 300000; done
expect_equal "tags" '["latest","v1","v2","v3"]' "$(curl -sf "http://$SERVER/v2/team/app/tags/list" | jq -c .tags)"
expect_equal "listed" 'team/app 4' "$(run_forebay repo list --json | jq -r '.[] | "\(.name) \(.tags)"')"

echo "== rules are looked at, and nothing goes"
run_forebay pin team/app:v2
run_forebay repo expire --dry-run
looked=$(run_forebay repo expire --dry-run --json)
# v1 is latest as well, which the rule does not name; v2 is pinned.
expect_equal "what would go" '0' "$(jq '.[0].goes | length' <<<"$looked")"
expect_equal "what spares" 'it is tagged latest as well, which the rule does not name; it is pinned' \
  "$(jq -r '[.[0].spared[].because] | sort | reverse | join("; ")' <<<"$looked")"

echo "== then they are applied"
push team/app:latest 1000
expect_equal "what would go" v1 "$(run_forebay repo expire --dry-run --json | jq -r '.[0].goes[].tags[]')"
expect_equal "v1 before" 200 "$(status_of team/app v1)"
run_forebay repo expire 'team/*'
expect_equal "v1 after" 404 "$(status_of team/app v1)"
for tag in v2 v3 latest; do expect_equal "$tag after" 200 "$(status_of team/app "$tag")"; done
skopeo copy --src-tls-verify=false "docker://$SERVER/team/app:v2" "oci:$WORK/v2:1"
if skopeo delete --tls-verify=false "docker://$SERVER/team/app:v2" >/dev/null 2>&1; then fail "a pinned image was deleted"; fi

echo "== garbage goes, with a server that runs"
before=$(find "$WORK/data/registry" -type f | wc -l)
run_forebay gc --json | jq -e '.objects >= 1' >/dev/null || fail "the manifest of v1 was not cleared away"
[ "$(find "$WORK/data/registry" -type f | wc -l)" -lt "$before" ] || fail "no file went"
skopeo copy --src-tls-verify=false "docker://$SERVER/team/app:v3" "oci:$WORK/v3:1"

echo "== the same without a server"
stop "$SERVER_PID"
expect_equal "pinned" team/app "$(run_forebay pin --list --json | jq -r '.[].repository')"
run_forebay repo show team/app
run_forebay pin team/app:v2 --remove
expect_equal "what would go" v2 "$(run_forebay repo expire --dry-run --json | jq -r '.[0].goes[].tags[]')"
if run_forebay repo delete team/app 2>"$WORK/refused"; then fail "a full repository was deleted"; fi
grep -q -- --force "$WORK/refused" || fail "nobody was told of --force"
if run_forebay repo show team/ap 2>"$WORK/refused"; then fail "there is no team/ap"; fi
grep -q 'did you mean team/app' "$WORK/refused" || fail "nobody was told of team/app"

echo "== a policy of ECR becomes rules that do what it said"
cat >"$WORK/policy.json" <<'JSON'
{"rules":[
 {"rulePriority":1,"selection":{"tagStatus":"tagged","tagPatternList":["v*"],"countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}},
 {"rulePriority":2,"selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":90},
  "action":{"type":"transition","targetStorageClass":"archive"}}]}
JSON
status=0
run_import() { "$BIN/forebay" repo import ecr-lifecycle "$@" --repo 'team/*'; }
run_import "$WORK/policy.json" >"$WORK/rules.toml" 2>"$WORK/left-out" || status=$?
expect_equal "exit code with a rule left out" 1 "$status"
grep -q 'rule 2 was left out' "$WORK/left-out" || fail "nobody was told of rule 2"
expect_equal "what would go by ECR's rule" v2 \
  "$(run_forebay repo expire --rules "$WORK/rules.toml" --dry-run --json | jq -r '.[0].goes[].tags[]')"
run_forebay repo expire --rules "$WORK/rules.toml"

echo "== a server that starts on it has what is left, and a deleted repository begins anew"
start_forebay
expect_equal "v2" 404 "$(status_of team/app v2)"
expect_equal "v3" 200 "$(status_of team/app v3)"
run_forebay repo delete team/app --force
expect_equal "v3 of what was deleted" 404 "$(status_of team/app v3)"
run_forebay gc
push team/app:v1 1000
expect_equal "v1 anew" 200 "$(status_of team/app v1)"

echo "== each change was written down"
acts=$(jq -r .act "$WORK/data/audit.jsonl" | sort -u | tr '\n' ' ')
for act in create-repository set-repository delete-repository pin-manifest unpin-manifest expire-manifest collect-garbage; do
  grep -q "$act" <<<"$acts" || fail "no $act in the audit log: $acts"
done
expect_seen docker.io 0 .
