#!/bin/sh
# Installs those of the named Debian packages that are missing; does nothing when all are there.
set -eu
missing=
for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
echo "Installing what is missing:$missing"
# A broker that Debian starts by itself on port 1883 is not ours: keep it from starting.
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -q >/dev/null
# shellcheck disable=SC2086
$sudo apt-get install -y -q --no-install-recommends $missing
