# What the end-to-end scripts share: a sandbox, the servers in it, the guide's files, and assertions.
#
# A script sources this first. It is then run again in namespaces of its own, so that it sees only its own loopback
# network (Forebay is at 127.0.0.1:5000 there, as in the guides), its own processes, which all end with it, and
# private copies of /etc, /var and /run, where clients find their configuration at its real place.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
GUIDE="$ROOT/docs/guides/clients.md"
BIN="$ROOT/target/$(uname -m)-unknown-linux-gnu/release"
CLIENTS="$ROOT/target/clients"

readonly SERVER=127.0.0.1:5000
readonly DOCKER_HUB=127.0.0.1:7000
readonly DOCKER_HUB_BLOBS=127.0.0.9:7001
readonly GHCR=127.0.0.1:7100
readonly GHCR_BLOBS=127.0.0.9:7101
readonly READY_WITHIN_S=20
readonly STOP_WITHIN_S=20
readonly POLL_S=0.1

# === The sandbox

# Says that this script cannot run, and why; the caller counts it.
skip() {
  echo "SKIPPED: e2e $(basename "$0" .sh), $*"
  exit 77
}

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || skip "$program is not installed"
  done
}

# Programs that clients/go.mod pins.
need_built() {
  local program
  for program in "$@"; do
    [ -x "$CLIENTS/$program" ] || skip "$program was not built: ./test e2e does that"
  done
}

if [ -z "${FOREBAY_E2E_SANDBOX:-}" ]; then
  need unshare ip curl jq
  [ "$(id -u)" -eq 0 ] || skip "namespaces take root"
  [ -x "$BIN/forebay" ] && [ -x "$BIN/hub-sim" ] || skip "packaging/build-static was not run"
  unshare --net --mount --pid --fork true 2>/dev/null || skip "this machine gives no namespaces"
  FOREBAY_E2E_SANDBOX=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0" "$@"
fi

# A directory whose changes nobody else sees, and which end with the sandbox.
make_private() {
  local dir="$1" layer="$WORK/private$1"
  mkdir -p "$layer/upper" "$layer/work"
  mount -t overlay -o "lowerdir=$dir,upperdir=$layer/upper,workdir=$layer/work" private "$dir"
}

# An empty directory over whatever the machine has there.
make_empty() {
  local dir
  for dir in "$@"; do
    mkdir -p "$dir"
    mount -t tmpfs empty "$dir"
  done
}

furnish_sandbox() {
  ip link set lo up
  WORK=/tmp/forebay-e2e
  mkdir -p "$WORK"
  mount -t tmpfs work "$WORK"
  make_private /etc
  make_private /var
  make_empty /run /var/lib/docker /var/lib/containerd /var/lib/containers /etc/docker /etc/containerd
  : >/etc/resolv.conf
  export HOME="$WORK/home" XDG_RUNTIME_DIR=/run/user STORAGE_DRIVER=vfs
  mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
  # Whatever the machine says of proxies, registries and Forebay is not what is tested here.
  unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY no_proxy NO_PROXY "${!FOREBAY_@}" "${!CONTAINERS_@}"
  trap show_logs EXIT
}

# The logs of the servers, when the script failed.
show_logs() {
  local status=$? log
  [ "$status" -eq 0 ] || [ "$status" -eq 77 ] && return
  for log in "$WORK"/*.log; do
    [ -e "$log" ] || continue
    echo "--- the end of $(basename "$log")"
    tail -n 25 "$log"
  done
}

# === Waiting

# Runs a command again and again until it succeeds, for so long.
wait_until() {
  local seconds="$1" deadline
  shift
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || fail "waited $seconds s for: $*"
    sleep "$POLL_S"
  done
}

# Ends a process that this script started, and waits until it is gone.
stop() {
  local pid="$1"
  kill -TERM "$pid" 2>/dev/null || true
  wait_until "$STOP_WITHIN_S" is_gone "$pid"
}

# A child that has ended stays a zombie until it is waited for, so a signal would still reach it.
is_gone() {
  case "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null || echo X)" in X | Z) ;; *) return 1 ;; esac
}

# === The servers

# Docker Hub and GHCR, each with a token service and a blob host, and the same image in each.
start_hubs() {
  write_config
  start_hub docker.io "$DOCKER_HUB" "$DOCKER_HUB_BLOBS" library/app
  start_hub ghcr.io "$GHCR" "$GHCR_BLOBS" org/app
}

start_hub() {
  local hub="$1" address="$2" blob_address="$3" repository="$4"
  "$BIN/hub-sim" --log --limit none --listen "$address" --blob-listen "$blob_address" \
    --platforms linux/amd64,linux/arm64 --attestations \
    --image "$repository:1.27=20kB,3MB" --image "$repository:latest=10kB" >"$WORK/$hub.log" 2>&1 &
  echo $! >"$WORK/$hub.pid"
  wait_until "$READY_WITHIN_S" curl -s "http://$address/v2/"
}

# Ends a hub. It knows what a polite client never does (a credential at the wrong host, say), and tells it at its end.
stop_hub() {
  local hub="$1"
  kill -INT "$(cat "$WORK/$hub.pid")"
  wait_until "$STOP_WITHIN_S" is_gone "$(cat "$WORK/$hub.pid")"
  expect_equal "violations at $hub" "" "$(grep '^violation:' "$WORK/$hub.log" || true)"
}

start_forebay() {
  "$BIN/forebay" serve --config "$WORK/forebay.toml" >>"$WORK/forebay.log" 2>&1 &
  SERVER_PID=$!
  wait_for_forebay "$SERVER_PID"
}

# Waits until Forebay is ready, or fails as soon as it has ended.
wait_for_forebay() {
  wait_until "$READY_WITHIN_S" is_ready_or_gone "$1"
  ! is_gone "$1" || fail "forebay ended before it was ready"
}

is_ready_or_gone() {
  curl -sf "http://$SERVER/readyz" || is_gone "$1"
}

stop_forebay() {
  stop "$SERVER_PID"
}

# Users, each with the password NAME-has-a-password.
add_users() {
  local name
  for name in "$@"; do
    echo "$name-has-a-password" | "$BIN/forebay" user add "$name" --config "$WORK/forebay.toml"
  done
}

# Hubs that were asked nothing yet and a Forebay that keeps nothing, for one more story after those that stopped them.
start_afresh() {
  stop_forebay
  rm -rf "$WORK/data"
  start_hubs
  start_forebay
}

write_config() {
  cat >"$WORK/forebay.toml" <<TOML
data = "$WORK/data"

[upstreams."docker.io"]
url = "http://$DOCKER_HUB"
token_hosts = ["$DOCKER_HUB"]
blob_hosts = ["$DOCKER_HUB_BLOBS"]
hosts = ["docker.localhost"]
prefix = "hub"

[upstreams."ghcr.io"]
url = "http://$GHCR"
token_hosts = ["$GHCR"]
blob_hosts = ["$GHCR_BLOBS"]
hosts = ["ghcr.localhost"]

# 1.27 is version-like and stays fresh; latest is asked about at every pull.
[cache]
tag_ttl = "1ms"
version_ttl = "6h"
TOML
}

# === The guide

# Writes the block of the clients' guide whose fence names this file, to that file: what is tested is what is told.
install_from_guide() {
  local file="$1"
  mkdir -p "$(dirname "$file")"
  from_guide "$file" >"$file"
}

# Prints the block of the clients' guide whose fence says ```KIND NAME.
from_guide() {
  local name="$1" block
  block=$(awk -v name="$name" '
    /^```/ { if (inside) exit; inside = ($2 == name); next }
    inside
  ' "$GUIDE")
  [ -n "$block" ] || fail "the guide has no block named $name"
  printf '%s\n' "$block"
}

# === Assertions

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

expect_equal() {
  local what="$1" wanted="$2" got="$3"
  [ "$wanted" = "$got" ] || fail "$what: wanted '$wanted', got '$got'"
}

# The digest of what comes in.
digest_of_input() {
  echo "sha256:$(sha256sum | cut -d' ' -f1)"
}

expect_at_most() {
  local what="$1" most="$2" got="$3"
  [ "$got" -le "$most" ] || fail "$what: wanted at most $most, got $got"
}

expect_at_least() {
  local what="$1" least="$2" got="$3"
  [ "$got" -ge "$least" ] || fail "$what: wanted at least $least, got $got"
}

# === What a hub saw

# Forgets what a hub has seen so far, so that what follows stands alone.
mark() {
  catch_up "$1"
  wc -l <"$WORK/$1.log" >"$WORK/$1.mark"
}

# Prints the requests that a hub has seen since its mark and that match the pattern, one a line.
seen() {
  local hub="$1" pattern="$2"
  catch_up "$hub"
  tail -n "+$(($(cat "$WORK/$hub.mark") + 1))" "$WORK/$hub.log" | cut -d' ' -f2- | grep -v '/v2/?catch-up=' |
    grep -E "$pattern" || true
}

# A hub tells of a request when it is over. Waits until it has told of one more, made here, and so of all before it.
catch_up() {
  local hub="$1" token="$BASHPID-$RANDOM"
  curl -s "http://$(address_of "$hub")/v2/?catch-up=$token" >/dev/null
  wait_until "$READY_WITHIN_S" grep -qF "catch-up=$token" "$WORK/$hub.log"
}

expect_seen() {
  local hub="$1" times="$2" pattern="$3" got
  got=$(seen "$hub" "$pattern" | wc -l)
  [ "$got" -eq "$times" ] || fail "$hub saw $got of '$pattern' instead of $times, among:
$(seen "$hub" .)"
}

# === The story of one image, which every client tells

# Pulls an image cold, warm, past its time, with the registry gone, and after a restart without it; checks each
# time what the client got and what the registry saw.
#
#   tell_story HUB REPOSITORY IMAGE [index|platform|all]
#
# IMAGE is the client's way to name REPOSITORY of HUB, without a tag. The script defines the client's part:
# `pull IMAGE:TAG`, `forget IMAGE:TAG`, and `digest_of IMAGE:TAG`, which prints the digest that the client holds.
# A client takes this machine's platform and holds the digest of the `index` (most do) or of the `platform`, or it
# takes `all`.
tell_story() {
  local hub="$1" repository="$2" image="$3" keeps="${4:-index}" version moving
  learn_image "$hub" "$repository" latest "$keeps"
  moving=$DIGEST
  learn_image "$hub" "$repository" 1.27 "$keeps"
  version=$DIGEST

  echo "== $image: cold"
  mark "$hub"
  pull_and_check "$image:1.27" "$version"
  expect_fetched_once "$hub" "$repository"

  echo "== $image: warm"
  forget "$image:1.27"
  mark "$hub"
  pull_and_check "$image:1.27" "$version"
  expect_seen "$hub" 0 .

  echo "== $image: a moving tag"
  pull_and_check "$image:latest" "$moving"
  forget "$image:latest"
  mark "$hub"
  pull_and_check "$image:latest" "$moving"
  expect_seen "$hub" 0 '^GET (registry /v2/.* (200|307)|blob)'
  forget "$image:latest"
  forget "$image:1.27"

  echo "== $image: the registry is gone"
  stop_hub "$hub"
  pull_and_check "$image:latest" "$moving"
  pull_and_check "$image:1.27" "$version"
  forget "$image:latest"
  forget "$image:1.27"

  echo "== $image: the registry is gone and Forebay is new"
  stop_forebay
  start_forebay
  pull_and_check "$image:latest" "$moving"
  pull_and_check "$image:1.27" "$version"
  forget "$image:latest"
  forget "$image:1.27"
}

# A client that is set up to be strict asks nobody else when Forebay does not answer.
expect_strict() {
  local image="$1" registry="$2"
  stop_forebay
  if pull "$image" >"$WORK/strict.log" 2>&1; then
    fail "$image was pulled although Forebay was stopped"
  fi
  grep -q "$SERVER" "$WORK/strict.log" || fail "the client did not ask Forebay: $(cat "$WORK/strict.log")"
  ! grep -q "$registry" "$WORK/strict.log" || fail "the client went past Forebay: $(cat "$WORK/strict.log")"
}

pull_and_check() {
  pull "$1"
  expect_equal "digest of $1" "$2" "$(digest_of "$1")"
}

# Each manifest and blob that the client needs, once, and nothing else. (401 is how a registry asks for a token.)
expect_fetched_once() {
  local hub="$1" repository="$2" digest
  expect_seen "$hub" $((1 + ${#CHILDREN[@]})) "^GET registry /v2/$repository/manifests/.* 200"
  for digest in "${CHILDREN[@]}"; do
    expect_seen "$hub" 1 "^GET registry /v2/$repository/manifests/$(shown "$digest").* 200"
  done
  expect_seen "$hub" "${#BLOBS[@]}" '^GET blob '
  for digest in "${BLOBS[@]}"; do
    expect_seen "$hub" 1 "^GET blob $(shown "$digest")"
  done
  expect_at_most "HEADs of manifests at $hub" 1 "$(seen "$hub" '^HEAD registry .*/manifests/.* 200' | wc -l)"
}

# Asks the hub itself what a tag holds: sets DIGEST, what the client should hold, and CHILDREN and BLOBS, what it
# should fetch.
learn_image() {
  local hub="$1" repository="$2" tag="$3" keeps="$4" index chosen digest
  local wanted='.manifests[]'
  [ "$keeps" = all ] || wanted+=" | select(.platform.architecture == \"$(dpkg --print-architecture)\")"
  index=$(ask_hub "$hub" "$repository" "manifests/$tag"; echo x)
  DIGEST=$(printf %s "${index%x}" | digest_of_input)
  mapfile -t CHILDREN < <(jq -r "$wanted | .digest" <<<"${index%x}")
  [ "${#CHILDREN[@]}" -gt 0 ] || fail "$repository:$tag at $hub is no index with this platform"
  [ "$keeps" = platform ] && DIGEST=${CHILDREN[0]}
  BLOBS=()
  for digest in "${CHILDREN[@]}"; do
    mapfile -t chosen < <(ask_hub "$hub" "$repository" "manifests/$digest" | jq -r '.config.digest, .layers[].digest')
    BLOBS+=("${chosen[@]}")
  done
}

# One GET of a hub, with the token that its challenge asks for.
ask_hub() {
  local hub="$1" repository="$2" path="$3" url challenge token
  url="http://$(address_of "$hub")/v2/$repository/$path"
  challenge=$(curl -s -o /dev/null -D - "$url" | grep -i '^www-authenticate:')
  token=$(curl -sf --get "$(parameter realm)" --data-urlencode "service=$(parameter service)" \
    --data-urlencode "scope=$(parameter scope)" | jq -r .token)
  curl -sf -H "Authorization: Bearer $token" "$url"
}

parameter() {
  sed -n "s/.*$1=\"\([^\"]*\)\".*/\1/p" <<<"$challenge"
}

address_of() {
  case "$1" in
    docker.io) echo "$DOCKER_HUB" ;;
    ghcr.io) echo "$GHCR" ;;
  esac
}

# A digest as the simulator shows it.
shown() {
  echo "${1:0:19}"
}
