#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the wheel `prusik` of a build: the module acl, the libraries under it, and the commands.

It holds an installed tree as package data, so pip needs nothing but the wheel: libraries that not
every system has are in it, with their licences. Only what draws pictures wants the system's
libcairo, and what reads videos its FFmpeg. The wheel is for any Python from 3.8 on and any Linux
with the C library it was built against, or a newer one; its name says which.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]

# What every Linux has (a part of PEP 600's list), and what drawing and videos alone need: Cairo and
# FFmpeg stand on half a desktop, and FFmpeg's licence would become the wheel's.
OF_THE_SYSTEM = re.compile(r"(lib(c|m|dl|rt|pthread|z|cairo|avcodec|avformat|avutil|swscale)|"
                           r"ld-linux[\w-]*)\.so\b")

PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "prusik"
version = "{version}"
description = "AscendCL for processors: the module acl, its libraries, atc and prusik"
license = "Apache-2.0"
requires-python = ">=3.8"

[project.scripts]
{scripts}

[tool.hatch.build]
ignore-vcs = true
[tool.hatch.build.targets.wheel]
packages = ["prusik"]
[tool.hatch.build.targets.wheel.force-include]
"acl.abi3.so" = "acl.abi3.so"
[tool.hatch.build.targets.wheel.hooks.custom]
"""

HOOK = """from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        build_data["pure_python"] = False
        build_data["tag"] = "{tag}"
"""


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def needed(path):
    return re.findall(r"NEEDED\s+(\S+)", output("objdump", "-p", path))


def places():
    """Where the system has a library, by its name."""
    found = {}
    for line in output("/sbin/ldconfig", "-p").splitlines():
        if "=>" in line:
            found.setdefault(line.split()[0], line.split("=>")[1].strip())
    return found


def licence(path):
    """The notice of the Debian package a file is from."""
    real = pathlib.Path(path).resolve()
    for name in {str(real), str(real).removeprefix("/usr"), str(path)}:
        done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if done.returncode == 0:
            package = done.stdout.split(":")[0]
            return pathlib.Path("/usr/share/doc") / package / "copyright"
    raise SystemExit(f"make_wheel.py: no package is known for {path}, and so no licence")


def bundle(package):
    """Puts the libraries that are needed and not everywhere beside ours."""
    known, todo = places(), [p for p in package.rglob("*") if p.is_file() and is_elf(p)]
    ours = {p.name for p in todo}
    (package / "licenses").mkdir()
    while todo:
        for name in needed(todo.pop()):
            if name in ours or OF_THE_SYSTEM.fullmatch(re.sub(r"\.so[.\d]*$", ".so", name)):
                continue
            if name not in known:
                raise SystemExit(f"make_wheel.py: {name} is needed and not on this machine")
            copy = package / "lib" / name
            shutil.copy(known[name], copy)
            shutil.copy(licence(known[name]), package / "licenses" / f"{name}.txt")
            ours.add(name)
            todo.append(copy)


def platform_tag(folder):
    """Of the newest C library that any file asks for."""
    versions = [(2, 17)]
    for path in folder.rglob("*"):
        if path.is_file() and is_elf(path):
            for text in re.findall(r"\(?GLIBC_(\d+\.\d+)", output("objdump", "-T", path)):
                versions.append(tuple(map(int, text.split("."))))
    major, minor = max(versions)
    return f"manylinux_{major}_{minor}_{output('uname', '-m').strip()}"


def lay_out(build, stage):
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir",
                    stage / "installed"], check=True, stdout=subprocess.DEVNULL)
    tree, = (p.parent for p in (stage / "installed").rglob("set_env.sh"))
    package = stage / "prusik"
    for part in ("bin", "include", "lib", "libexec"):
        shutil.copytree(tree / part, package / part)
    shutil.copy(tree / "python" / "site-packages" / "acl.abi3.so", stage)
    shutil.rmtree(stage / "installed")
    shutil.copy(ROOT / "LICENSE", stage)
    bundle(package)
    project = json.loads(output("meson", "introspect", "--projectinfo", build))
    for path in (ROOT / "python" / "wheel").glob("*.py"):
        shutil.copy(path, package)
    scripts = "\n".join(f'{p.name} = "prusik:run"' for p in sorted((package / "bin").iterdir()))
    (stage / "pyproject.toml").write_text(PROJECT.format(version=project["version"],
                                                         scripts=scripts))
    (stage / "hatch_build.py").write_text(HOOK.format(tag=f"cp38-abi3-{platform_tag(stage)}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "wheels")
    parser.add_argument("--no-isolation", action="store_true",
                        help="build with the hatchling that is installed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lay_out(args.build.resolve(), pathlib.Path(folder))
        subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps",
                        "--disable-pip-version-check", "-w", args.output, folder,
                        *(["--no-build-isolation"] if args.no_isolation else [])], check=True)


if __name__ == "__main__":
    main()
