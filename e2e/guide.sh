#!/usr/bin/env bash
# The guides and what they install: every file in them is whole, in its own format, and accepted by who reads it.
. "$(dirname "$0")/lib.sh"
[ -d /usr/share/doc/python3-yaml ] || skip "python3-yaml is not installed"
furnish_sandbox

# Each fence that names a file: ```KIND FILE.
named=0
while read -r kind file; do
  from_guide "$file" >"$WORK/block"
  case "$kind" in
    json) jq . "$WORK/block" ;;
    toml) /usr/bin/python3 -c 'import sys, tomllib; tomllib.load(open(sys.argv[1], "rb"))' "$WORK/block" ;;
    yaml) /usr/bin/python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))' "$WORK/block" ;;
    *) fail "$file in the guide is of no kind that is known here: $kind" ;;
  esac >"$WORK/parsed" || fail "$file in the guide is no $kind"
  named=$((named + 1))
done < <(sed -n 's/^```\([a-z]\{1,\}\) \(.\{1,\}\)$/\1 \2/p' "$GUIDE")
[ "$named" -ge 9 ] || fail "the guide names only $named files"

# The README shows some of these files too: each is the very same there.
shown=0
while read -r file; do
  GUIDE="$ROOT/README.md" from_guide "$file" >"$WORK/in-readme"
  from_guide "$file" >"$WORK/in-guide"
  diff "$WORK/in-guide" "$WORK/in-readme" || fail "$file in the README is another than in the guide"
  shown=$((shown + 1))
done < <(sed -n 's/^```[a-z]\{1,\} \(.\{1,\}\)$/\1/p' "$ROOT/README.md")
[ "$shown" -ge 3 ] || fail "the README shows only $shown files"

# What is installed exists under the name that the guide gives it.
for file in $(grep -oE 'packaging/[A-Za-z0-9./_-]+' "$ROOT"/docs/guides/*.md | cut -d: -f2 | sort -u); do
  [ -e "$ROOT/$file" ] || fail "the guides name $file, which is not there"
done

"$BIN/forebay" config check --config "$ROOT/packaging/forebay.toml"
from_guide forebay.toml >"$WORK/by-name.toml"
"$BIN/forebay" config check --config "$WORK/by-name.toml"
sed -n '/^```toml$/,/^```$/p' "$ROOT/docs/guides/install.md" | grep -v '^```' >"$WORK/install.toml"
"$BIN/forebay" config check --config "$WORK/install.toml"

/usr/bin/python3 "$ROOT/e2e/compose.py" "$ROOT/packaging/compose.yaml"
