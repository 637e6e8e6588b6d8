#!/bin/sh
# Docker hands out addresses at start, so these settings can't be written down before. A name in them stands for the
# network on which this container goes by that name: RELAY_INTERNAL_HOST becomes the container's address there,
# RELAY_TRUSTED_PROXIES and RELAY_LEGACY_NOTIFIERS that network as a CIDR. Addresses and other names stay what they are.
set -eu
network() { node "$(dirname "$0")/network.mjs" "$@"; }

case "${RELAY_INTERNAL_HOST:-}" in
  *[g-z]*) RELAY_INTERNAL_HOST=$(network address "$RELAY_INTERNAL_HOST") && export RELAY_INTERNAL_HOST ;;
esac
case "${RELAY_TRUSTED_PROXIES:-}" in
  *[g-z]*) RELAY_TRUSTED_PROXIES=$(network cidr "$RELAY_TRUSTED_PROXIES") && export RELAY_TRUSTED_PROXIES ;;
esac
case "${RELAY_LEGACY_NOTIFIERS:-}" in
  *[g-z]*) RELAY_LEGACY_NOTIFIERS=$(network cidr "$RELAY_LEGACY_NOTIFIERS") && export RELAY_LEGACY_NOTIFIERS ;;
esac
exec "$@"
