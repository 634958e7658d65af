# SPDX-License-Identifier: Apache-2.0
"""The suites of `make check-long`: the same tests under sanitizers, other compilers, other
instruction sets and hostile conditions, fuzzing, and references that need big packages."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUZZ_SECONDS = int(os.environ.get("PRUSIK_FUZZ_SECONDS", "60"))
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1",
    "LSAN_OPTIONS": f"suppressions={ROOT / 'tests' / 'leaks.supp'}:print_suppressions=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


def variant(name, *options, compiler="gcc", targets=()):
    """A build of its own under build/; returns its folder."""
    folder = ROOT / "build" / name
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(folder), *options], cwd=ROOT, check=True,
                       env={**os.environ, "CC": compiler}, stdout=subprocess.DEVNULL)
    built = subprocess.run(["ninja", "-C", str(folder), "--quiet", *targets], text=True,
                           capture_output=True)
    if built.returncode:
        raise RuntimeError(f"building {name} failed:\n" + built.stdout[-3000:])
    return folder


def fetch_arm_cmocka(sysroot):
    """cmocka of Debian's arm64 packages under `sysroot`; returns a cross file that says so."""
    cross = sysroot / "cross.ini"
    if cross.exists():
        return cross
    lists = sysroot / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    apt = ["apt-get", "-q", "-oAPT::Architecture=arm64", "-oAPT::Architectures=arm64",
           f"-oDir::State::Lists={lists}", "-oAPT::Sandbox::User=root"]
    subprocess.run([*apt, "update"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*apt, "download", "libcmocka0", "libcmocka-dev"], check=True, cwd=sysroot,
                   stdout=subprocess.DEVNULL)
    for package in sysroot.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(sysroot)], check=True)
    libraries = sysroot / "usr" / "lib" / "aarch64-linux-gnu"
    cross.write_text(f"[properties]\nsys_root = '{sysroot}'\n"
                     f"pkg_config_libdir = '{libraries}/pkgconfig'\n")
    return cross


def suites(build, run):
    def sanitized():
        return variant("asan", "-Db_sanitize=address,undefined", "-Db_lundef=false",
                       "-Dhostile=true")

    def asan_c():
        return run.c_tests(sanitized(), SANITIZERS, limit=600)

    def asan_conformance():
        return run.conformance(sanitized(), SANITIZERS, limit=900)

    def asan_cli():
        """The command-line and importer tests against sanitized programs; the interpreter itself
        is not sanitized, so what loads into it stays out."""
        return run.py_tests(sanitized(), "not long and not in_process", SANITIZERS, limit=900)

    def tsan():
        folder = variant("tsan", "-Db_sanitize=thread", "-Db_lundef=false")
        return run.c_tests(folder, SANITIZERS, suites=["base", "exec", "acl"], limit=600)

    def clang():
        return run.c_tests(variant("clang", compiler="clang"))

    def isa(name):
        def suite():
            result = run.c_tests(build, {"PRUSIK_ISA": name})
            result.add(run.conformance(build, {"PRUSIK_ISA": name}))
            return result
        return suite

    def algorithms():
        """Conformance, layers and networks with each way to convolve in turn."""
        result = run.Result()
        for name in ("direct", "winograd2", "winograd4", "winograd5", "winograd6", "pairs"):
            forced = {"PRUSIK_ALGO": name}
            result.add(run.conformance(build, forced))
            result.add(run.py_tests(build, "not long", forced,
                                    select=["tests/exec/test_networks.py"]))
        return result

    def threads():
        result = run.Result()
        for n in ("1", "3"):
            result.add(run.conformance(build, {"PRUSIK_THREADS": n}, sets=("layers",)))
        return result

    def reference():
        return run.conformance(build, {"PRUSIK_REF": "1"}, limit=600)

    def arm():
        """The NEON kernels under emulation, and their inner loops read from the machine code. The
        one library their tests need is taken from Debian's arm64 packages into the build folder;
        nothing is installed."""
        sysroot = ROOT / "build" / "arm-sysroot"
        cross = fetch_arm_cmocka(sysroot)
        folder = variant("arm", "--cross-file", "cross/aarch64.ini", "--cross-file", str(cross),
                         "-Dkernels_only=true")
        libraries = sysroot / "usr" / "lib" / "aarch64-linux-gnu"
        result = run.c_tests(folder, suites=["base", "kernels"], limit=900,
                             wrapper=["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu",
                                      "-E", f"LD_LIBRARY_PATH={libraries}"])
        status, output = run.run([sys.executable, ROOT / "bench" / "inner_loops.py", "--build",
                                  folder, "neon"], 60)
        if status == 0 and "direct, stride 1" in output:
            result.passed += 1
        else:
            result.fail(f"inner loops of NEON: exit {status}\n      " + output[-2000:])
        return result

    def fuzz(target):
        def suite():
            result = run.Result()
            folder = variant("fuzz", "-Db_sanitize=address,undefined", "-Db_lundef=false",
                             "-Dfuzz=true",
                             "-Dc_args=-fsanitize=fuzzer-no-link", compiler="clang",
                             targets=[f"tests/fuzz/fuzz_{t}" for t in targets])
            corpus = folder / "corpus" / target
            corpus.mkdir(parents=True, exist_ok=True)
            seeds = ROOT / "tests" / "fuzz" / "corpus" / target
            status, output = run.run(
                [folder / "tests" / "fuzz" / f"fuzz_{target}", corpus,
                 *([seeds] if seeds.is_dir() else []),
                 f"-max_total_time={FUZZ_SECONDS}", "-rss_limit_mb=2048", "-timeout=20",
                 "-max_len=65536", f"-artifact_prefix={folder}/"],
                FUZZ_SECONDS + 120, SANITIZERS)
            if status == 0:
                result.passed += 1
            else:
                result.fail(f"fuzz {target}: exit {status}\n      "
                            + "\n      ".join(output.splitlines()[-30:]))
            return result
        return suite

    def soak():
        return run.c_tests(build, suites=["soak"], limit=300)

    def python_long():
        return run.py_tests(build, "long", limit=2400)

    targets = sorted(re.sub(r"^fuzz_|\.c$", "", p.name)
                     for p in (ROOT / "tests" / "fuzz").glob("fuzz_*.c"))
    return [
        ("asan c", asan_c),
        ("asan conformance", asan_conformance),
        ("asan programs", asan_cli),
        ("tsan", tsan),
        ("clang", clang),
        ("isa avx2", isa("avx2")),
        ("isa base", isa("base")),
        ("algorithms", algorithms),
        ("threads", threads),
        ("reference kernels", reference),
        ("aarch64 kernels", arm),
        *[(f"fuzz {t}", fuzz(t)) for t in targets],
        ("soak", soak),
        ("python long", python_long),
    ]
