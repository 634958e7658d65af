# SPDX-License-Identifier: Apache-2.0
"""One package from an npm registry, without npm: what `npm pack NAME@VERSION` downloads.

Reads the settings npm would: the environment (npm_config_registry and its like, in any case), then
.npmrc in the home folder (or npm_config_userconfig), then /etc/npmrc: registry, @scope:registry,
cafile, proxy, https-proxy, and a registry's own _authToken. Besides, the environment's HTTPS_PROXY,
HTTP_PROXY and NO_PROXY, and the certificates of SSL_CERT_FILE and NODE_EXTRA_CA_CERTS.

    path = download("@scope/name", "1.2.3", folder)
"""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request

PUBLIC = "https://registry.npmjs.org"
MAX_DESCRIPTION_BYTES = 16 << 20
MAX_PACKAGE_BYTES = 1 << 30
TIMEOUT_S = 30
TRIES = 3


class RegistryError(Exception):
    pass


def read_npmrc(path):
    """key = value lines; ${NAME} stands for a variable of the environment."""
    settings = {}
    try:
        lines = pathlib.Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return settings
    for line in map(str.strip, lines):
        if line[:1] in ("", "#", ";") or "=" not in line:
            continue
        key, value = (part.strip() for part in line.split("=", 1))
        value = value.strip("\"'")
        settings[key] = re.sub(r"\$\{(\w+)\}", lambda m: os.environ.get(m[1], m[0]), value)
    return settings


class Settings:
    def __init__(self):
        self.environment = {}
        for name, value in os.environ.items():
            if name.lower().startswith("npm_config_") and value:
                self.environment[name.lower().removeprefix("npm_config_")] = value
        user = self.environment.get("userconfig") or os.path.expanduser("~/.npmrc")
        everybody = self.environment.get("globalconfig") or "/etc/npmrc"
        self.files = {**read_npmrc(everybody), **read_npmrc(user)}

    def get(self, key):
        return self.environment.get(key.replace("-", "_")) or self.files.get(key)

    def registry(self, name):
        scope = name.split("/")[0] if name.startswith("@") else None
        url = (scope and self.files.get(f"{scope}:registry")) or self.get("registry") or PUBLIC
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise RegistryError(f"the npm registry '{url}' is no http or https address")
        return url.rstrip("/")

    def token(self, url):
        """Of the longest registry path in .npmrc that `url` begins with."""
        rest = url.split(":", 1)[1]
        keys = [k.removesuffix(":_authToken") for k in self.files if k.endswith(":_authToken")]
        keys = [k for k in keys if rest.startswith(k.rstrip("/") + "/")]
        return self.files[max(keys, key=len) + ":_authToken"] if keys else None

    def opener(self):
        proxies = urllib.request.getproxies()
        if self.get("proxy"):
            proxies["http"] = self.get("proxy")
        if self.get("https-proxy") or self.get("proxy"):
            proxies["https"] = self.get("https-proxy") or self.get("proxy")
        context = ssl.create_default_context()
        for path in (self.get("cafile"), os.environ.get("NODE_EXTRA_CA_CERTS")):
            if path:
                try:
                    context.load_verify_locations(path)
                except OSError as error:
                    raise RegistryError(f"the certificates in {path} cannot be read: {error}")
        return urllib.request.build_opener(urllib.request.ProxyHandler(proxies),
                                           urllib.request.HTTPSHandler(context=context))


def read(settings, opener, url, limit):
    request = urllib.request.Request(url, headers={"User-Agent": "prusik", "Accept": "*/*"})
    token = settings.token(url)
    if token:  # never sent on to where a redirection leads
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    with opener.open(request, timeout=TIMEOUT_S) as reply:
        data = reply.read(limit + 1)
        announced = reply.headers.get("Content-Length")
    if len(data) > limit:
        raise RegistryError(f"{url} is larger than {limit >> 20} MiB")
    if announced and announced.isdigit() and len(data) != int(announced):
        raise http.client.IncompleteRead(data, int(announced) - len(data))
    return data


def fetch(settings, opener, url, limit):
    """Tries again where a later try may go better."""
    host = urllib.parse.urlsplit(url).netloc.rpartition("@")[2]
    for left in reversed(range(TRIES)):
        try:
            return read(settings, opener, url, limit)
        except urllib.error.HTTPError as error:
            why = f"it answers {error.code} {error.reason}"
            if error.code < 500 and error.code != 429:
                raise RegistryError(f"{url}: {why}") from error
        except (OSError, http.client.HTTPException) as error:
            why = str(getattr(error, "reason", None) or error) or type(error).__name__
        if left:
            time.sleep(0.5 * (TRIES - left))
    raise RegistryError(
        f"the npm registry {host} cannot be reached: {why}. With the network back, try again; a "
        "mirror is named in npm_config_registry or ~/.npmrc, a proxy in HTTPS_PROXY")


def check_integrity(data, integrity):
    """`integrity` as npm writes it: sha512-BASE64."""
    kind, _, digest = integrity.partition("-")
    if kind != "sha512":
        raise RegistryError(f"an integrity of kind '{kind}' is not known")
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != digest:
        raise RegistryError("the package is not the one that is known: its SHA-512 differs")


def download(name, version, folder):
    """The path of NAME-VERSION.tgz in `folder`, as long as the registry says it should be."""
    settings = Settings()
    registry, opener = settings.registry(name), settings.opener()
    url = f"{registry}/{name.replace('/', '%2f')}/{version}"
    try:
        description = json.loads(fetch(settings, opener, url, MAX_DESCRIPTION_BYTES))
        package, integrity = description["dist"]["tarball"], description["dist"]["integrity"]
    except (ValueError, KeyError, TypeError) as error:
        raise RegistryError(f"{url} does not describe a package") from error
    # A mirror may pass on the public registry's descriptions; npm asks the mirror all the same.
    if package.startswith(PUBLIC + "/"):
        package = registry + package.removeprefix(PUBLIC)
    if urllib.parse.urlsplit(package).scheme not in ("http", "https"):
        raise RegistryError(f"{url} names a package at '{package}'")
    data = fetch(settings, opener, package, MAX_PACKAGE_BYTES)
    check_integrity(data, integrity)
    path = pathlib.Path(folder) / f"{name.replace('@', '').replace('/', '-')}-{version}.tgz"
    path.write_bytes(data)
    return path
