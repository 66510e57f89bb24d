#!/usr/bin/env bash
# Finds the servers that tests start (Redis, NATS, PostgreSQL) and a Java runtime for Spark; adds the Debian packages of what is
# missing. Starts none of them. Works as root and as an ordinary user, for whom commands are made in .services/bin.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/debian.sh

package_of() {
  case $1 in
    java) echo default-jre-headless ;;
    postgres | initdb) echo postgresql ;;
    *) echo "$1" ;;
  esac
}

found() { PATH=$PATH:/usr/sbin:$services/bin:$(printf '%s:' /usr/lib/postgresql/*/bin) command -v "$1"; }

# An unpacked program needs the libraries unpacked beside it.
command_for() {
  local program
  program=$(find "$services/debian/root/usr" \( -path "*/bin/$1" -o -path "*/sbin/$1" \) -exec test -x {} \; -print | head -n 1)
  [ -n "$program" ] || return 0
  mkdir -p "$services/bin"
  if [ "$1" = java ]; then
    ln -sfn "$(dirname "$(dirname "$program")")" "$services/java"
    program=$services/java/bin/java
  fi
  local libraries
  libraries=$(find "$services/debian/root/usr/lib" -maxdepth 1 -name '*-linux-gnu*' | paste -sd :)
  printf '#!/bin/sh\nLD_LIBRARY_PATH="%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "%s" "$@"\n' "$libraries" "$program" >"$services/bin/$1"
  chmod +x "$services/bin/$1"
}

missing=()
for tool in redis-server nats-server postgres initdb java; do
  found "$tool" >/dev/null || missing+=("$tool")
done
if [ "${#missing[@]}" -gt 0 ]; then
  packages=()
  for tool in "${missing[@]}"; do packages+=("$(package_of "$tool")"); done
  if [ "$(id -u)" = 0 ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    # Else Debian makes and starts a server of its own.
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  fi
  debian "${packages[@]}"
  if [ "$(id -u)" != 0 ]; then
    for tool in "${missing[@]}"; do command_for "$tool"; done
  fi
fi
for tool in redis-server nats-server postgres initdb java; do
  path=$(found "$tool") || { echo "$tool: not found, though $(package_of "$tool") was installed" >&2; exit 1; }
  case $tool in
    redis-server) version=$("$path" --version | grep -o 'v=[0-9.]*' | cut -c3-) ;;
    nats-server) version=$("$path" --version | grep -o '[0-9][0-9.]*') ;;
    postgres | initdb) version=$("$path" --version | grep -o '[0-9][0-9.]*' | head -n 1) ;;
    java) version=$("$path" -version 2>&1 | grep -o '"[^"]*"' | head -n 1 | tr -d '"') ;;
  esac
  echo "$tool $version: $path"
done
