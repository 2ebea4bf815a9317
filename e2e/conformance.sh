#!/usr/bin/env bash
# The conformance suite of the distribution-spec itself, its stable and its `dev` version, with nothing turned off: as somebody at the
# machine, and as a user by Docker's token flow.
. "$(dirname "$0")/lib.sh"
need_built conformance
furnish_sandbox

# The least number of tests that a version has, so that a suite that skips them is none.
readonly STABLE_TESTS=862 DEV_TESTS=1032

configure() {
  printf 'data = "%s"\nlocal = ["conformance/*"]\n' "$WORK/data" >"$WORK/forebay.toml"
  cat >>"$WORK/forebay.toml"
}

# Runs a version of the suite and sees that it counted enough tests, of which none has such an outcome.
conform() {
  local version="$1" least="$2" results="$WORK/results-$1-${OCI_USERNAME:-nobody}" outcome
  shift 2
  OCI_REGISTRY="$SERVER" OCI_TLS=disabled OCI_VERSION="$version" OCI_RESULTS_DIR="$results" \
    "$CLIENTS/conformance" >"$WORK/conformance.log" 2>&1 || fail "$version: $(grep -iE 'fail|error' "$WORK/conformance.log")"
  counted "$results/junit.xml" tests
  expect_at_least "tests of $version" "$least" "$COUNTED"
  echo "$version: $COUNTED tests"
  for outcome in "$@"; do
    counted "$results/junit.xml" "$outcome"
    expect_equal "$outcome of $version" 0 "$COUNTED"
  done
}

# Sets COUNTED to a count of the suite, 0 where it has none.
counted() {
  COUNTED=$(sed -n "s/^ *<testsuite .*$2=\"\([0-9]*\)\".*/\1/p" "$1" | head -n 1)
  COUNTED=${COUNTED:-0}
}

echo "== at the machine itself"
configure <<'TOML'
[clients]
loopback_push = true
TOML
start_forebay
# What only `dev` has is disabled there.
conform 1.1 "$STABLE_TESTS" failures errors skipped
OCI_DATA_SPARSE=true conform dev "$DEV_TESTS" failures errors skipped disabled
stop_forebay
rm -rf "$WORK/data"

echo "== as a user"
configure <<'TOML'
[[access.allow]]
who = ["user:alice"]
repositories = ["conformance/*"]
actions = ["pull", "push", "delete"]
TOML
start_forebay
add_users alice
OCI_USERNAME=alice OCI_PASSWORD=alice-has-a-password OCI_DATA_SPARSE=true conform dev "$DEV_TESTS" failures errors skipped disabled
