#!/bin/sh
# Installs those of the named Debian packages that are missing; does nothing when all are there.
# A package that another one provides (npm by some builds of nodejs) is there.
set -eu
have=$(dpkg-query -W -f='${db:Status-Status} ${Package}, ${Provides}\n' |
    sed -n 's/^installed //p' | tr ',' '\n' | sed 's/^ *//; s/ .*//')
missing=
for package in "$@"; do
    echo "$have" | grep -qxF "$package" || missing="$missing $package"
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
