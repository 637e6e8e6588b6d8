#!/usr/bin/env bash
# Where no image can be pulled: Debian's Prometheus under the name and with the user, the folders and the entrypoint
# of the official image. It checks the wiring of the compose file, not that image.
set -euo pipefail
image=$1
docker build -q -t "$image" - >/dev/null <<'D'
FROM debian:bookworm-slim
RUN sed -i 's/bookworm/trixie/g' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; \
    apt-get update && apt-get download prometheus promtool \
 && for deb in prom*.deb; do dpkg -x "$deb" /unpacked; done \
 && mv /unpacked/usr/bin/prom* /usr/bin/ && rm -rf prom*.deb /unpacked /var/lib/apt/lists/* \
 && install -d -o 65534 -g 65534 /prometheus
USER 65534:65534
VOLUME /prometheus
WORKDIR /prometheus
EXPOSE 9090
ENTRYPOINT ["/bin/prometheus"]
D
