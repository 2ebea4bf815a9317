#!/usr/bin/env bash
# The manifests: well-formed, restricted, consistent with Forebay; and the node script makes containerd pull through it.
. "$(dirname "$0")/lib.sh"
need containerd ctr
[ -d /usr/share/doc/python3-yaml ] || skip "python3-yaml is not installed"
furnish_sandbox
start_hubs

# Checks the manifests, and takes out of them what Forebay and the nodes are given.
cluster="$WORK/cluster"
mkdir "$cluster"
/usr/bin/python3 "$ROOT/e2e/manifests.py" "$ROOT/packaging/kubernetes" "$cluster"
"$BIN/forebay" config check --config "$cluster/forebay.toml"

# With the account that is switched off in the file, mounted as the volume mounts it.
secrets=$(cat "$cluster/secrets")
mkdir -p "$secrets"
echo token >"$secrets/hub.token"
chmod 440 "$secrets/hub.token"
"$BIN/forebay" config check --config "$cluster/with-account.toml"
start_forebay

# Runs what the DaemonSet runs on a node.
certs=/etc/containerd/certs.d
point() {
  env FOREBAY="http://$SERVER" CERTS_D="$certs" REGISTRIES="$cluster/registries" FALL_BACK="$1" \
    sh "$cluster/point.sh" >"$WORK/point.log" 2>&1 &
  script=$!
  wait_until "$READY_WITHIN_S" grep -q '^pointed at' "$WORK/point.log"
}

pull() {
  ctr images pull --snapshotter native --hosts-dir "$certs" "$1"
}

mkdir -p "$certs/quay.io"
echo '# somebody else wrote this' >"$certs/quay.io/hosts.toml"
point no
expect_equal "a file of somebody else's" '# somebody else wrote this' "$(cat "$certs/quay.io/hosts.toml")"

install_from_guide /etc/containerd/config.toml
containerd >"$WORK/containerd.log" 2>&1 &
wait_until "$READY_WITHIN_S" ctr version
learn_image docker.io library/app 1.27 index
mark docker.io
pull docker.io/library/app:1.27
expect_fetched_once docker.io library/app
expect_strict docker.io/library/app:1.27 registry-1.docker.io

# Told to fall back, the node asks Forebay first and goes on to the registry when it does not answer.
stop "$script"
point yes
start_forebay
ctr images rm --sync docker.io/library/app:1.27
mark docker.io
pull docker.io/library/app:1.27
expect_seen docker.io 0 .
stop_forebay
! pull docker.io/library/app:1.27 >"$WORK/fell-back.log" 2>&1 || fail "pulled although nobody was there"
grep -q registry-1.docker.io "$WORK/fell-back.log" || fail "the node did not fall back: $(cat "$WORK/fell-back.log")"

# Deleted, it leaves the node as it was: able to pull by itself.
stop "$script"
expect_equal "what is left" "$certs/quay.io/hosts.toml" "$(find "$certs" -type f)"
