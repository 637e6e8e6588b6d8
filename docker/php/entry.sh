#!/bin/sh
# Makes the relay's secret at the first start, hands the database's password to PHP, and starts Apache, or any other
# command as www-data.
set -eu

secret=${RELAY_SECRET_FILE:-}
if [ -n "$secret" ] && [ ! -s "$secret" ]; then
  new=$secret.$(hostname)
  (umask 077 && head -c 48 /dev/urandom | base64 -w0 >"$new")
  # 1000 is the relay's user. PHP reads it as the group, and neither can write it.
  chown 1000:www-data "$new"
  chmod 0440 "$new"
  # A link and no rename: of two containers that start at once, the first one's secret stays.
  ln "$new" "$secret" || [ -s "$secret" ]
  rm -f "$new"
fi

if [ -n "${SITE_DB_PASSWORD_FILE:-}" ]; then
  SITE_DB_PASSWORD=$(cat "$SITE_DB_PASSWORD_FILE")
  export SITE_DB_PASSWORD
fi

if [ "$1" = apache2 ]; then
  # Debian's file reads variables that are not set.
  set +u
  # shellcheck disable=SC1091
  . /etc/apache2/envvars
  set -u
  # /var/lock leads there, and /run starts empty when it is a tmpfs.
  mkdir -p /run/lock
  mkdir -p "$APACHE_RUN_DIR" "$APACHE_LOCK_DIR"
  # Left behind by a container that was killed, it would stop the next start.
  rm -f "$APACHE_PID_FILE"
  exec "$@"
fi
exec setpriv --reuid=www-data --regid=www-data --clear-groups "$@"
