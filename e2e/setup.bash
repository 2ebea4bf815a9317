# What the scripts of `forebay setup` share: setting up, undoing, checks that must say yes or no, and a Docker Hub that
# only a client reaches which goes past Forebay.

readonly PAST=127.0.0.8

forebay() {
  "$BIN/forebay" "$@" --config "$WORK/forebay.toml"
}

# Installs a client's configuration, which twice is once.
set_up() {
  local client="$1"
  shift
  forebay setup "$client" --write "$@"
  forebay setup "$client" --write "$@" >"$WORK/twice.log" 2>&1
  grep -q 'nothing was written' "$WORK/twice.log" || fail "$client: twice is not once: $(cat "$WORK/twice.log")"
}

# === The way past Forebay

# Docker Hub under its real name, over https, at an address where Forebay never asks: whoever comes there went past it.
start_hub_past_forebay() {
  need nginx openssl
  "$BIN/hub-sim" --log --limit none --open --blobs-inline --listen "$PAST:7200" --blob-listen "$PAST:7201" \
    --platforms linux/amd64,linux/arm64 --image library/app:1.27=20kB,3MB >"$WORK/past.log" 2>&1 &
  wait_until "$READY_WITHIN_S" curl -s "http://$PAST:7200/v2/"
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=registry-1.docker.io \
    -addext subjectAltName=DNS:registry-1.docker.io,DNS:docker.io,DNS:index.docker.io \
    -keyout "$WORK/past.key" -out "$WORK/past.crt" 2>"$WORK/openssl.log"
  cat >"$WORK/past.conf" <<NGINX
daemon off;
pid $WORK/past.pid;
error_log $WORK/past-nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path $WORK/past-body;
  proxy_temp_path $WORK/past-proxy;
  fastcgi_temp_path $WORK/past-fastcgi;
  uwsgi_temp_path $WORK/past-uwsgi;
  scgi_temp_path $WORK/past-scgi;
  server {
    listen $PAST:443 ssl;
    ssl_certificate $WORK/past.crt;
    ssl_certificate_key $WORK/past.key;
    location / { proxy_pass http://$PAST:7200; proxy_set_header Host \$host; }
  }
}
NGINX
  nginx -c "$WORK/past.conf" 2>"$WORK/past-start.log" &
  wait_until "$READY_WITHIN_S" curl -sk "https://$PAST/v2/"
  echo "$PAST registry-1.docker.io docker.io index.docker.io" >>/etc/hosts
  export SSL_CERT_FILE="$WORK/past.crt"
}

# How many requests for images went past Forebay since the last time that this was asked.
count_past() {
  local token="$BASHPID-$RANDOM" seen
  curl -s "http://$PAST:7200/v2/?catch-up=$token" >/dev/null
  wait_until "$READY_WITHIN_S" grep -qF "catch-up=$token" "$WORK/past.log"
  seen=$(grep -cE ' (GET|HEAD) .*/(manifests|blobs)/' "$WORK/past.log" || true)
  echo $((seen - $(cat "$WORK/past.seen" 2>/dev/null || echo 0)))
  echo "$seen" >"$WORK/past.seen"
}

# Forebay answers with errors: it keeps nothing, and its registry is gone.
break_forebay() {
  stop_hub docker.io
  stop_forebay
  rm -rf "$WORK/data"
  start_forebay
}

# === What the check says

check() {
  local client="$1" image="$2"
  shift 2
  count_past >/dev/null
  CHECK_STATUS=0
  forebay setup "$client" --check --probe-image "$image" "$@" >"$WORK/check.log" 2>&1 || CHECK_STATUS=$?
  echo "== $client, $image: $(tail -n 3 "$WORK/check.log")"
}

# It says yes, and nobody came past Forebay.
expect_here() {
  check "$@"
  expect_equal "exit status of the check" 0 "$CHECK_STATUS"
  grep -q '^yes: .*, all of it$' "$WORK/check.log" || fail "the check says: $(cat "$WORK/check.log")"
  expect_equal "requests past Forebay" 0 "$(count_past)"
}

# It says no, in these words, and somebody came past Forebay.
expect_past() {
  local client="$1" image="$2" words="$3"
  check "$client" "$image"
  expect_equal "exit status of the check" 1 "$CHECK_STATUS"
  grep -q "^NO: .*$words" "$WORK/check.log" || fail "the check says: $(cat "$WORK/check.log")"
  [ "$(count_past)" -gt 0 ] || fail "nobody came past Forebay, and the check says: $(cat "$WORK/check.log")"
}

# It says no because the client's file does not name Forebay, and nothing was pulled.
expect_unpulled() {
  local client="$1" image="$2"
  check "$client" "$image"
  expect_equal "exit status of the check" 1 "$CHECK_STATUS"
  grep -q '^NO: .*: nothing was pulled$' "$WORK/check.log" || fail "the check says: $(cat "$WORK/check.log")"
  expect_equal "requests past Forebay" 0 "$(count_past)"
}

# It says no because the pull failed, and nobody came past Forebay: the client is closed.
expect_closed() {
  local client="$1" image="$2"
  check "$client" "$image"
  expect_equal "exit status of the check" 1 "$CHECK_STATUS"
  grep -q '^NO: .*and the pull failed$' "$WORK/check.log" || fail "the check says: $(cat "$WORK/check.log")"
  expect_equal "requests past Forebay" 0 "$(count_past)"
}
