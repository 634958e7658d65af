#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: [BUILD=build/release] [MODEL=ssdlite] [DEMO=demo] scripts/demo.sh [PHOTO...]
#
# Fetches a detector and a photo (once; demo/zoo keeps them), converts the detector with atc, and
# shows what it finds: a table here, the photos with boxes drawn and detections.json under demo/.
# MODEL is any name of `prusik pull --list`.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build/release}
model=${MODEL:-ssdlite}
prusik=$build/cmd/prusik
out=${DEMO:-demo}
zoo=$out/zoo

if [ ! -x "$prusik" ]; then
    echo "demo: $prusik is not there; run make demo, or make and set BUILD" >&2
    exit 1
fi

fetch() {
    "$prusik" pull --output "$zoo" "$1" >"$zoo/pull.log" 2>&1 && { sed '$d' "$zoo/pull.log"; return 0; }
    # apt-get in a fresh container knows no packages yet.
    if [ "$1" = dog ] && [ "$(id -u)" = 0 ] && apt-get update -qq >/dev/null 2>&1; then
        "$prusik" pull --output "$zoo" "$1" >"$zoo/pull.log" 2>&1 && return 0
    fi
    cat "$zoo/pull.log" >&2
    return 1
}

mkdir -p "$zoo" || exit 1
fetch "$model" || {
    echo "demo: no detector without it; with the network back, run make demo again" >&2
    exit 1
}
if [ $# = 0 ]; then
    fetch dog || {
        echo "demo: name a photo of your own instead: make demo PHOTO=photo.jpg" >&2
        exit 1
    }
    set -- "$zoo/dog.jpg"
fi
rm -f "$zoo/pull.log"

"$prusik" detect --output "$out" "$zoo/$model.om" "$@" &&
    "$prusik" detect --json "$zoo/$model.om" "$@" >"$out/detections.json" &&
    echo "the same as JSON in $out/detections.json"
