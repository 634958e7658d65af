# SPDX-License-Identifier: Apache-2.0
"""Lets PyPI's PyTorch run on a CPU without the 3 GB of CUDA packages it asks for.

usage: cuda_stand_in.py FOLDER-OF-TORCH

PyPI has no CPU build of PyTorch for Linux; its wheel links to CUDA's libraries and cannot be
imported without them. For each one this compiles a library of that name beside torch's own, in which
every function answers 100, CUDA's "no device". PyTorch then finds no card and uses the CPU.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

FOREIGN = r"lib(?:cu|nccl|nvrtc|nvshmem)[^]\s]*"


def main():
    lib = pathlib.Path(sys.argv[1]) / "lib"
    symbols, library_of, needed = {}, {}, set()
    for path in [*lib.glob("libtorch*.so"), *lib.glob("libc*.so")]:
        text = subprocess.run(["readelf", "-dVW", "--dyn-syms", path], capture_output=True,
                              text=True, check=True).stdout
        needed |= set(re.findall(rf"NEEDED.*\[({FOREIGN})\]", text))
        for library, rest in re.findall(r"File: (\S+) +Cnt: \d+\n((?:.*Name: .*\n)+)", text):
            for version in re.findall(r"Name: (\S+)", rest):
                library_of[version] = library
        for name, version in re.findall(r"(?:GLOBAL|WEAK) +DEFAULT +UND (\w+)(?:@(\S+))?", text):
            symbols[name] = version
    needed -= {p.name for p in lib.iterdir()}
    for library in needed:
        groups = {version: [n for n, v in symbols.items() if v == version]
                  for version, l in library_of.items() if l == library}
        if library.startswith("libnccl"):  # a home for functions without a version
            groups[""] = [n for n, v in symbols.items()
                          if not v and re.match(r"(cu|nccl|nv|_*cuda)\w", n)]
        with tempfile.TemporaryDirectory() as folder:
            source, versions = pathlib.Path(folder, "s.c"), pathlib.Path(folder, "s.map")
            source.write_text("".join(f"int {n}(void) {{ return 100; }}\n"
                                      for names in groups.values() for n in names))
            versions.write_text("".join(f"{v} {{ global: {' '.join(n + ';' for n in names)} }};\n"
                                        for v, names in groups.items() if v and names))
            script = [f"-Wl,--version-script={versions}"] if any(groups) else []
            subprocess.run(["gcc", "-w", "-fno-builtin", "-shared", "-fPIC",
                            f"-Wl,-soname,{library}", *script, "-o", lib / library, source],
                           check=True)


if __name__ == "__main__":
    main()
