#!/usr/bin/env bash
# Installs what the tests need and this Debian (or Ubuntu) machine lacks; with "bench" or "all", what the benches or `make
# test-all` need besides.
# Instant when nothing is missing.
# A Rust toolchain is the one thing it takes for given.
set -euo pipefail

missing=()
need_command() { # command, packages that bring it
  command -v "$1" >/dev/null || missing+=("${@:2}")
}
need_package() {
  if command -v dpkg-query >/dev/null; then
    dpkg-query -W -f='${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed' || missing+=("$1")
  fi
}

need_command cc build-essential
need_command make make
need_command ffmpeg ffmpeg
need_command ffprobe ffmpeg
need_command chromium chromium
need_command python3 python3
# schemathesis is installed into a folder of its own.
need_package python3-venv
# Vite and the tests of the page need Node 18, which is what Debian 12 has.
node_major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p' || true)
if [ "${node_major:-0}" -lt 18 ]; then missing+=(nodejs npm); fi
need_command npm npm
# A page without fonts draws no text: the screenshots would show nothing.
need_package fonts-dejavu-core
# The camera that is not ours: GStreamer's RTSP server, run from Python.
for package in gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-rtsp \
  gstreamer1.0-plugins-{base,good,bad,ugly}; do
  need_package "$package"
done
PATH=$PATH:/usr/sbin need_command nginx nginx-light
# It judges the service unit; it need not run.
need_command systemd-analyze systemd
if [ "${1:-}" = all ]; then
  need_command docker-compose docker-compose
  need_package python3-yaml
  need_command setpriv util-linux
fi
# The Laravel package, and the examples of docs/api.md.
need_command php php-cli
need_command phpunit phpunit
need_command curl curl
need_command openssl openssl
for package in php-laravel-framework php-guzzlehttp-guzzle php-{curl,mbstring,xml,sqlite3}; do
  need_package "$package"
done
if [ "${1:-}" = bench ]; then
  need_command wrk wrk
fi

if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

if ! command -v apt-get >/dev/null; then
  echo "setup: this machine has no apt-get; install these (Debian names) by hand: ${missing[*]}" >&2
  exit 1
fi
as_root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: run as root, or install sudo; missing: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo "${as_root[@]}")
fi
echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
