# SPDX-License-Identifier: Apache-2.0
"""The kernels' inner loops keep their sums in registers: read from the machine code, so it holds for
an instruction set this machine does not have as well (`make check-long` does NEON's)."""
import platform
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "bench"))
import inner_loops  # noqa: E402

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64" or not shutil.which("objdump"),
                                reason="reads x86 code with objdump")

# Of a turn's instructions. AVX-512's tile of 4x7 has 28 sums and four weights in 32 registers and
# nowhere to put the factor; AVX2's 5x5 depthwise strips keep some weights on the stack instead of
# reading them where they lie, which costs the same.
MOST_ON_THE_STACK = 0.06
# The best kernel of a family does this much multiplying at least.
LEAST_SHARE = {"avx2": 0.5, "avx512": 0.6}

SPILLING = """
.intel_syntax noprefix
tile_9x9_s1:
    test edi, edi
.outer:
    mov ecx, 8
.inner:
    vbroadcastss ymm1, dword ptr [rsi]
    vmovaps [rsp+64], ymm3
    vfmadd231ps ymm2, ymm1, [rsp+32]
    vmovaps ymm3, ymm4
    add rsi, 4
    dec ecx
    jne .inner
    vmovups [rsp], ymm2
    dec edi
    jne .outer
    ret
"""


def test_finds_what_a_loop_is_made_of(tmp_path):
    source = tmp_path / "loop.s"
    source.write_text(SPILLING)
    subprocess.run(["gcc", "-c", source, "-o", tmp_path / "loop.o"], check=True)
    found = inner_loops.functions("objdump", inner_loops.X86.options, tmp_path / "loop.o")
    loops = inner_loops.inner_loops(sum(found.values(), []), inner_loops.X86, straight=False)
    assert loops == [{"fma": 1, "load": 2, "store": 1, "copy": 1, "other": 3, "spill": 2, "all": 7}]


@pytest.mark.parametrize("isa", ["avx2", "avx512"])
def test_inner_loops_stay_in_registers(isa, build_dir, instrumented):
    if instrumented:
        pytest.skip("instrumented code is not what is looked at")
    found = inner_loops.survey(build_dir, isa)
    assert all(found.values()), "a family without kernels: the patterns of inner_loops.py are old"
    assert all(loops for kernels in found.values() for loops in kernels.values())
    for name, loops in inner_loops.spilling(found).items():
        for loop in loops:
            assert loop["spill"] <= MOST_ON_THE_STACK * loop["all"], (name, dict(loop))
    for family in ("direct, stride 1", "direct, stride 2", "stem", "Winograd", "depthwise",
                   "matrix product"):
        best = max(inner_loops.share(inner_loops.main_loop(loops))
                   for loops in found[family].values())
        assert best >= LEAST_SHARE[isa], family
    if isa == "avx512":  # five pairs and six single channels of 16: eleven of 21 are multiply-adds
        best = max(inner_loops.share(inner_loops.main_loop(loops))
                   for loops in found["pairs"].values())
        assert best >= 0.45


def test_every_kernel_is_listed(build_dir, instrumented):
    if instrumented:
        pytest.skip("instrumented code is not what is looked at")
    lines = {}
    for option in ([], ["--all"]):
        done = subprocess.run([sys.executable, ROOT / "bench" / "inner_loops.py", "--build",
                               build_dir, *option, "avx2"], capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr  # 1: what it says of spills, held above
        lines[bool(option)] = set(done.stdout.splitlines())
    found = inner_loops.survey(build_dir, "avx2")
    for kernels in found.values():
        for name in kernels:
            assert any(name in line for line in lines[True]), name
    assert len(lines[True]) > len(lines[False]) >= len(found)
