#!/usr/bin/env bash
# Set up a bare Debian 12 machine: system packages, virtual environment, Knarr itself.
#   setup.sh          what running Knarr needs
#   setup.sh dev      that, and what its tests and checks need
# Does nothing that is done already.
set -euo pipefail
cd "$(dirname "$0")/.."

run_packages=(containerd runc containernetworking-plugins nftables iproute2 busybox-static buildah mmdebstrap python3-venv)
dev_packages=(wrk openssl procps docker-registry)

wanted=("${run_packages[@]}")
[ "${1:-}" = dev ] && wanted+=("${dev_packages[@]}")
missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  [ "$(id -u)" = 0 ] || { echo "setup: packages are missing and need root: ${missing[*]}" >&2; exit 1; }
  echo " • installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # A package's own service must not start: Knarr runs its own containerd, and tests run their own web servers.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' > $policy && chmod 755 $policy
    trap 'rm -f $policy' EXIT
  fi
  apt-get update -qq || echo "setup: some package lists could not be read; going on with the others" >&2
  apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi

python=${PYTHON:-python3}
[ -x .venv/bin/python ] || "$python" -m venv .venv
target=.; stamp=run
[ "${1:-}" = dev ] && { target=".[dev,explain]"; stamp=dev; }
if [ ! -e ".venv/$stamp" ] || [ pyproject.toml -nt ".venv/$stamp" ]; then
  echo " • installing the package and its libraries"
  .venv/bin/pip install --quiet --disable-pip-version-check --editable "$target"
  # client-go for the tests: it names an older orjson, and runs on ours. Where it cannot be had, its test skips.
  [ $stamp = run ] || .venv/bin/pip install --quiet --disable-pip-version-check --no-deps kubernetes_lite==0.1.0 ||
    echo "setup: kubernetes_lite could not be installed; the test of client-go will be skipped" >&2
  touch ".venv/$stamp"
  touch .venv/run
fi
