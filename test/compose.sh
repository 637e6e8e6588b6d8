#!/usr/bin/env bash
# Builds the images, brings the stack up with two relays, chats across them through the published port alone, tries
# what must not be possible, and takes it all down, volumes too. Needs Docker, Node and what npm installs.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

# Where no container registry can be reached, this brings an engine and stand-ins for the base images.
engine=$root/../shared/tools/with-docker-engine
if [[ -z ${COMPOSE_TEST_ENGINE:-} && -x $engine ]]; then
  COMPOSE_TEST_ENGINE='stand-in base images' exec "$engine" node:24-bookworm-slim redis:7-bookworm nginx:1-bookworm \
    mariadb:10.11 php:8.2-apache -- bash "$root/test/compose.sh"
fi

cd "$root"
if ! docker compose version >/dev/null 2>&1 || ! docker info >/dev/null 2>&1; then
  echo 'FAIL - Docker with compose v2 and a running engine are needed: https://docs.docker.com/get-started/get-docker/'
  echo '0 passed, 1 failed'
  exit 1
fi
[[ -d node_modules/playwright-core && -d node_modules/socket.io-client-4.4.0 ]] || npm ci --no-audit --no-fund >&2

# A project and a port of its own, and none of the settings of a stack that may run beside it.
export COMPOSE_PROJECT_NAME=relay-test-$$ COMPOSE_PROGRESS=plain COMPOSE_ANSI=never
free_port() { node -e "const s = require('node:net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close(); })"; }
SITE_PORT=$(free_port) PROMETHEUS_PORT=$(free_port) GRAFANA_PORT=$(free_port)
export SITE_PORT PROMETHEUS_PORT GRAFANA_PORT SITE_BIND=127.0.0.1 SITE_ORIGINS='' SITE_PROXIES='' SITE_DEMO_LOGIN=1
say() { printf 'compose [%3ss] %s\n' "$SECONDS" "$*" >&2; }

log=$(mktemp)
down() {
  local status=$?
  trap - EXIT
  if ((status)); then
    docker compose ps -a >&2 || true
    docker compose logs --no-color --tail 150 >&2 || true
  fi
  docker compose --profile observe down --volumes --remove-orphans --rmi local --timeout 5 >>"$log" 2>&1 || cat "$log" >&2
  say 'down'
  rm -f "$log"
  echo "${result:-0 passed, 1 failed}"
  exit "$status"
}
trap down EXIT
trap 'exit 1' INT TERM

say "building (${COMPOSE_TEST_ENGINE:-the base images of this machine})"
docker compose build >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
if [[ -n ${COMPOSE_TEST_ENGINE:-} ]]; then
  bash test/compose/prometheus-stand-in.sh "$(docker compose --profile observe config --images | grep prom/prometheus)"
fi
say 'starting with two relays'
docker compose up --detach --wait --wait-timeout 120 --scale relay=2 >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
say "up: http://127.0.0.1:$SITE_PORT"
exec 3>&1
# The last line is the result; it is said again at the very end, after everything that docker has to say.
result=$(set +e; timeout -k 5 420 node test/compose/run.mjs | tee >(grep -v ' passed, ' >&3) | grep ' passed, '; exit "${PIPESTATUS[0]}")
