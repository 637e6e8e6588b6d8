#!/bin/bash
# Starts nginx, which looks the names of its upstreams up once and never again, and goes on looking them up for it:
# containers that come (`--scale relay=3`), go or change their address are followed within some 3 seconds. A reload
# drops nobody, the old workers keep their connections until those end.
set -eu

servers() { # servers NAME PORT: the lines that nginx should have
  local known address
  known=$(cat "/tmp/$1.servers" 2>/dev/null || true)
  for address in $(getent ahostsv4 "$1" | awk '{ print $1 }' | sort -u); do
    # Docker knows a container's name before anything listens there, and a session that began elsewhere because of
    # that would lose its relay a moment later.
    if [[ $known == *" $address:$2 "* ]] || timeout 1 bash -c "</dev/tcp/$address/$2" 2>/dev/null; then
      # Never set aside after an error: sessions that poll would be sent to a relay that does not know them.
      echo "server $address:$2 max_fails=0;"
    fi
  done
}

all() {
  local name
  for name in relay:3000 php:80; do
    servers "${name%:*}" "${name#*:}" >"/tmp/${name%:*}.next"
    # An upstream without a server is no configuration; here nothing listens, which is a 502 until somebody does.
    [[ -s /tmp/${name%:*}.next ]] || echo 'server 127.0.0.1:9;' >"/tmp/${name%:*}.next"
  done
  cat /tmp/relay.next /tmp/php.next
}

take() {
  mv /tmp/relay.next /tmp/relay.servers
  mv /tmp/php.next /tmp/php.servers
}

follow() {
  local seen before=''
  while sleep 1; do
    seen=$(all)
    # Only what two looks agree on: relays that start one after another move the sessions that poll once, not each
    # time, and a moment without an answer from Docker's DNS moves nobody.
    if [[ $seen == "$before" && $seen != "$(cat /tmp/relay.servers /tmp/php.servers)" ]]; then
      take
      echo "follow: $(tr '\n' ' ' </tmp/relay.servers)" >&2
      kill -HUP 1
    fi
    before=$seen
  done
}

: >/tmp/proxies.conf >/tmp/proxies.geo
for proxy in ${SITE_PROXIES//,/ }; do
  echo "set_real_ip_from $proxy;" >>/tmp/proxies.conf
  echo "$proxy 1;" >>/tmp/proxies.geo
done
all >/dev/null
take
# Docker's own soft limit is 1024 files, which a few hundred browsers use up.
ulimit -S -n "$(ulimit -H -n)"
follow &
exec nginx -g 'daemon off;'
