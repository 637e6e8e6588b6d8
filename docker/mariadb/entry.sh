#!/bin/sh
# Makes the site's password up at the first start; PHP reads it from the same volume.
set -eu
umask 077
random() { head -c 33 /dev/urandom | base64 | tr -d '/+=\n'; }

file=/run/site-db/password
if [ ! -s "$file" ]; then
  random >"$file.new"
  mv "$file.new" "$file"
fi
MARIADB_PASSWORD=$(cat "$file")
# Needed while the database is made and by nobody afterwards, so it is not kept.
MARIADB_ROOT_PASSWORD=$(random)
export MARIADB_PASSWORD MARIADB_ROOT_PASSWORD
umask 022
exec docker-entrypoint.sh mariadbd
