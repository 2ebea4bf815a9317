#!/usr/bin/env bash
# nginx before Forebay, speaking HTTP/1.0 to it: pulls are whole, layers of unknown size too, and two requests that look
# like one stay one.
. "$(dirname "$0")/lib.sh"
need nginx skopeo
furnish_sandbox
start_hubs

readonly PROXY=127.0.0.1:8080
readonly KEEPING_PROXY=127.0.0.1:8081
readonly HUB_WITHOUT_LENGTHS=127.0.0.1:7002
readonly BLOBS_WITHOUT_LENGTHS=127.0.0.9:7002

# 8080 is nginx as it is without more words (until 1.29.7), 8081 keeps its connections to Forebay, where a smuggled
# request would be answered. Docker Hub is behind an nginx too: one that looks for server-side includes, and so cannot
# say the length of a layer before it has seen its end.
mkdir -p /var/lib/nginx
cat >"$WORK/nginx.conf" <<CONF
user root;
error_log $WORK/nginx.log;
events {}
http {
  log_format length "\$status \$sent_http_content_length";
  access_log off;
  upstream forebay {
    server $SERVER;
    keepalive 4;
  }
  server {
    listen $PROXY;
    location / {
      proxy_pass http://$SERVER;
      proxy_http_version 1.0;
    }
  }
  server {
    listen $KEEPING_PROXY;
    location / {
      proxy_pass http://forebay;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
  server {
    listen $HUB_WITHOUT_LENGTHS;
    location / {
      proxy_pass http://$DOCKER_HUB;
      proxy_redirect http://$DOCKER_HUB_BLOBS/ http://$BLOBS_WITHOUT_LENGTHS/;
    }
  }
  server {
    listen $BLOBS_WITHOUT_LENGTHS;
    access_log $WORK/lengths.log length;
    location / {
      proxy_pass http://$DOCKER_HUB_BLOBS;
      ssi on;
      ssi_types *;
    }
  }
}
CONF
nginx -c "$WORK/nginx.conf" -g 'daemon off;' &
wait_until "$READY_WITHIN_S" curl -s "http://$HUB_WITHOUT_LENGTHS/v2/"
sed -i "s|^url = \"http://$DOCKER_HUB\"|url = \"http://$HUB_WITHOUT_LENGTHS\"|
  s|^blob_hosts = \[\"$DOCKER_HUB_BLOBS\"\]|blob_hosts = [\"$BLOBS_WITHOUT_LENGTHS\"]|" "$WORK/forebay.toml"
start_forebay

# Says one request with this of its length and this as its body to a proxy, and prints the status of the answer.
ask_with_body() {
  local proxy="$1" length="$2" body="$3"
  exec 3<>"/dev/tcp/${proxy%:*}/${proxy#*:}"
  printf 'GET /v2/docker.io/library/outer/tags/list HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b\r\n\r\n%b' \
    "$length" "$body" >&3
  timeout "$READY_WITHIN_S" head -n 1 <&3 | cut -d' ' -f2
  exec 3<&- 3>&-
}

inner='GET /v2/docker.io/library/smuggled/tags/list HTTP/1.1\r\nHost: x\r\n\r\n'
size=$(printf '%b' "$inner" | wc -c)
for proxy in "$PROXY" "$KEEPING_PROXY"; do
  expect_equal "status of a request of two lengths" 400 \
    "$(ask_with_body "$proxy" 'Content-Length: 5\r\nTransfer-Encoding: chunked' "0\r\n\r\n$inner")"
  # Whoever takes a GET to have no body hears the second request here.
  ask_with_body "$proxy" "Content-Length: $size" "$inner"
  ask_with_body "$proxy" "Transfer-Encoding: chunked" "$(printf %x "$size")\r\n$inner\r\n0\r\n\r\n"
  curl -s -o "$WORK/body" "http://$proxy/v2/docker.io/library/after/tags/list"
done

# Two with a body and one without through each proxy. Forebay tells of a request when it is over.
heard_all() {
  [ "$(grep -c library/outer "$WORK/forebay.log")" -eq 4 ] && [ "$(grep -c library/after "$WORK/forebay.log")" -eq 2 ]
}
wait_until "$READY_WITHIN_S" heard_all
! grep smuggled "$WORK/forebay.log" || fail "a request in the body of another was heard"

pull() {
  skopeo copy --src-tls-verify=false "docker://$1" "dir:$WORK/pulled"
}

forget() {
  rm -rf "$WORK/pulled"
}

digest_of() {
  digest_of_input <"$WORK/pulled/manifest.json"
}

tell_story docker.io library/app "$PROXY/docker.io/library/app" platform
expect_equal "what the blob host said" "200 -" "$(sort -u "$WORK/lengths.log")"
tell_story ghcr.io org/app "$PROXY/ghcr.io/org/app" platform
