#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/deps.sh build|demo|check|long|outside [--list]
#
# Installs the Debian packages that building (build), the demo (demo), testing (check), the long
# tests (long) and programs of other people (outside; scripts/outside_programs.py) need, by name:
# when root, or through a sudo that asks nothing. Otherwise prints the one line to run and exits
# with 2. With --list only prints the names. Changes nothing when all are there.
set -u
profile=${1:-build}

packages="gcc libc6-dev make meson ninja-build pkg-config libprotobuf-c-dev protobuf-c-compiler
    libjpeg62-turbo-dev libspng-dev libcairo2-dev libjansson-dev libmd-dev fonts-dejavu-core
    libavformat-dev libavcodec-dev libavutil-dev libswscale-dev"
check="libcmocka-dev libonnx-testdata g++"
long="clang libclang-rt-14-dev valgrind gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
outside="cmake ffmpeg libavdevice-dev libavfilter-dev libopencv-dev libprotobuf-dev
    protobuf-compiler"
case $profile in
build | demo) ;;
check) packages="$packages $check" ;;
long) packages="$packages $check $long" ;;
outside) packages="$packages $check $outside" ;;
*) echo "usage: $0 build|demo|check|long|outside [--list]" >&2; exit 2 ;;
esac

# Any node will do, Debian's or not.
[ "$profile" != long ] || command -v node >/dev/null 2>&1 || packages="$packages nodejs"
case $profile in
demo | long) command -v npm >/dev/null 2>&1 || packages="$packages npm" ;;
esac

# The interpreter first on PATH may not be Debian's, and then brings its own headers and venv.
if ! command -v python3 >/dev/null 2>&1; then
    packages="$packages python3 python3-dev python3-venv"
else
    python3 - <<'PY' || packages="$packages python3-dev"
import os, sysconfig
raise SystemExit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))
PY
    python3 -c 'import venv, ensurepip' 2>/dev/null || packages="$packages python3-venv"
fi

if [ "${2:-}" = --list ]; then
    echo $packages
    exit 0
fi
missing=
for p in $packages; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0

install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
    as=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as=sudo
else
    echo "These Debian packages are missing; install them and run make again:" >&2
    echo "    sudo $install" >&2
    exit 2
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# An index that is too old, or absent as in a fresh container, is the usual reason to fail.
$as $install >/dev/null 2>&1 || { $as apt-get update -q >/dev/null && $as $install; } || exit 2
