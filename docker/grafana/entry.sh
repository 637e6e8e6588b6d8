#!/bin/sh
# Makes the password of Grafana's `admin` up at the first start, and starts Grafana.
set -eu

file=${GF_SECURITY_ADMIN_PASSWORD__FILE:?}
if [ ! -s "$file" ]; then
  umask 077
  head -c 33 /dev/urandom | base64 | tr -d '/+=\n' >"$file.new"
  mv "$file.new" "$file"
  umask 022
fi
exec "$@"
