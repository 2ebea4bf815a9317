#!/usr/bin/env bash
# helm: charts pushed to Forebay's registry and pulled from it, with their provenance, by a user's login.
. "$(dirname "$0")/lib.sh"
need_built helm
furnish_sandbox
cat >"$WORK/forebay.toml" <<TOML
data = "$WORK/data"
local = ["charts/*"]

[[access.allow]]
who = ["user:alice"]
repositories = ["charts/*"]
actions = ["pull", "push"]

[[access.allow]]
who = ["user:bob"]
repositories = ["charts/*"]
actions = ["pull"]
TOML
start_forebay
add_users alice bob

helm() {
  "$CLIENTS/helm" "$@"
}
log_in() {
  echo "$1-has-a-password" | helm registry login --plain-http -u "$1" --password-stdin "$SERVER"
}
cd "$WORK"

echo "== a chart is pushed"
helm create app >/dev/null
helm package --version 1.2.3 app
echo 'no signature, but as large as one' >app-1.2.3.tgz.prov
log_in alice
helm push --plain-http app-1.2.3.tgz "oci://$SERVER/charts" 2>&1 | tee pushed
pushed=$(sed -n 's/^Digest: //p' pushed)
helm package --version 1.3.0+build.5 app
helm push --plain-http app-1.3.0+build.5.tgz "oci://$SERVER/charts"

echo "== it comes back byte for byte, by version, by range and by digest"
helm registry logout "$SERVER"
log_in bob
mkdir pulled
helm pull --plain-http --prov -d pulled "oci://$SERVER/charts/app" --version 1.2.3
cmp app-1.2.3.tgz pulled/app-1.2.3.tgz
cmp app-1.2.3.tgz.prov pulled/app-1.2.3.tgz.prov
helm pull --plain-http -d pulled "oci://$SERVER/charts/app" --version '~1.3'
cmp "app-1.3.0+build.5.tgz" "pulled/app-1.3.0+build.5.tgz"
mkdir by-digest
helm pull --plain-http -d by-digest "oci://$SERVER/charts/app@$pushed"
helm template --plain-http "oci://$SERVER/charts/app" --version 1.2.3 | grep -q 'kind: Deployment' || fail "nothing was rendered"
expect_equal "tags" '["1.2.3","1.3.0_build.5"]' \
  "$(curl -sf -u bob:bob-has-a-password "http://$SERVER/v2/charts/app/tags/list" | jq -c .tags)"

echo "== who may pull pushes nothing"
helm package --version 2.0.0 app
if helm push --plain-http app-2.0.0.tgz "oci://$SERVER/charts" >refused 2>&1; then fail "bob pushed a chart"; fi
grep -qiE 'denied|403' refused || fail "it was refused in other words: $(cat refused)"
