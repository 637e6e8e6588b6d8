#!/bin/bash
# Starts nginx, which looks the names of its upstreams up once and never again, and goes on looking them up for it:
# containers that come (`--scale relay=3`), go or change their address are followed within some 2 seconds. A reload
# drops nobody, the old workers keep their connections until those end.
set -eu

write_servers() { # write_servers NAME PORT; true when something changed
  local file=/tmp/$1.servers servers='' address
  for address in $(getent ahostsv4 "$1" | awk '{ print $1 }' | sort -u); do
    # Docker knows a container's name before anything listens there, and a session that was started elsewhere
    # because of that would lose its relay a moment later.
    if grep -qs "server $address:$2 " "$file" || timeout 1 bash -c "</dev/tcp/$address/$2" 2>/dev/null; then
      # Never set aside after an error: sessions that poll would be sent to a relay that does not know them.
      servers+="server $address:$2 max_fails=0;"$'\n'
    fi
  done
  # An empty answer is a moment of Docker's DNS, or nobody is left: the old list harms in neither case.
  [[ -n $servers && $servers != "$(cat "$file")"$'\n' ]] || return 1
  printf %s "$servers" >"$file"
}

update() {
  local changed=1
  write_servers relay 3000 && changed=0
  write_servers php 80 && changed=0
  return $changed
}

follow() {
  while sleep 2; do
    if update; then
      echo "follow: $(tr '\n' ' ' </tmp/relay.servers)" >&2
      kill -HUP 1
    fi
  done
}

: >/tmp/proxies.conf >/tmp/proxies.geo
for proxy in ${SITE_PROXIES//,/ }; do
  echo "set_real_ip_from $proxy;" >>/tmp/proxies.conf
  echo "$proxy 1;" >>/tmp/proxies.geo
done
# An upstream without a server is no configuration; here nothing listens, which is a 502 until somebody does.
for name in relay php; do echo 'server 127.0.0.1:9;' >"/tmp/$name.servers"; done
update || true
# Docker's own soft limit is 1024 files, which a few hundred browsers use up.
ulimit -S -n "$(ulimit -H -n)"
follow &
exec nginx -g 'daemon off;'
