#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: bench/venv.sh FOLDER
#
# Makes the Python environment of the bench. Packages are installed one by one, so that a peer that
# cannot be had here is only left out; numpy and onnx must be there.
set -eu
here=$(dirname "$0")
[ -x "$1/bin/python" ] || python3 -m venv "$1"
pip="$1/bin/python -m pip install -q --disable-pip-version-check"
sed 's/ *#.*//; /^$/d' "$here/requirements.txt" | while read -r package; do
    $pip $package >"$1/$package.log" 2>&1 || echo "left out: $package cannot be installed ($1/$package.log)"
done
# ncnn's converter is a program of its own inside the wheel; only its Python half needs torch.
$pip --no-deps pnnx >"$1/pnnx.log" 2>&1 || echo "left out: ncnn, whose converter (pnnx) cannot be installed"
"$1/bin/python" -c 'import numpy, onnx'
touch "$1/stamp"
