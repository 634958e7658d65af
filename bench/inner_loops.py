#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the inner loops of the kernels are made of, read from their machine code.

usage: inner_loops.py [--build DIR] [--all] neon|avx2|avx512...

For each kernel, the innermost loop that multiplies most: how many instructions a turn of it takes,
how many are multiply-adds, loads, stores, copies between vector registers and others (an x86
multiply-add that reads memory counts as a load too, and once in the sum; the additions of pairs are
others, and loads), and how many go to the stack. Those are spills: vectors that go there and come
back for want of registers. No machine of
the architecture is needed, so this is the measure of the NEON kernels where there is none. The
tiles of direct convolution also make 1x1; the products of Winograd have tiles of their own, and its
transforms keep a tile's values on the stack on purpose and are not looked at. A depthwise strip
does all of a tile, activation and all, in a turn: the straight piece of code with the most
multiply-adds counts.

Exits with 1 when an inner loop of these kernels, not only the one shown, spills.
"""
import argparse
import collections
import itertools
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# family -> (object, functions, whether a turn is a straight piece of code and more)
FAMILIES = {
    "direct, stride 1": ("conv", r"tile_\d+x\d+_s1$", False),
    "direct, stride 2": ("conv", r"tile_\d+x\d+_s2$", False),
    "pairs": ("pairs", r"tile_\d+x\d+$", False),
    "stem": ("conv", r"tile_\d+x\d+_p\d$", False),
    "other distance": ("conv", r"tile_\d+x\d+_any$", False),
    "Winograd": ("winograd", r"product_\d+x\d+$", False),
    "depthwise": ("depthwise", r"strip_", True),
    "matrix product": ("gemm", r"tile_\d+x\d+$", False),
}
ONLY = {"pairs": "avx512"}  # families that one instruction set alone has
Instruction = collections.namedtuple("Instruction", "address name operands")


class X86:
    objdump = "objdump"
    options = ["-M", "intel"]

    @staticmethod
    def target(i):
        """The address a jump goes to, None for one that cannot be known, False for no jump."""
        if not i.name.startswith("j") and i.name != "notrack":
            return False
        found = re.match(r"([0-9a-f]+) <", i.operands)
        return int(found[1], 16) if found else None

    @staticmethod
    def falls_through(i):
        return i.name not in ("jmp", "ret", "notrack", "ud2")

    @staticmethod
    def kind(i):
        """What counts in the table, and whether a vector goes to or comes from the stack."""
        first = i.operands.partition(",")[0]
        vector = "mm" in i.operands
        memory = "[" in i.operands
        spill = memory and vector and bool(re.search(r"\[r[sb]p[+\-\]]", i.operands))
        if re.match(r"vfn?m(add|sub)", i.name):
            return ["fma"] + ["load"] * memory, spill
        if memory and vector and re.match(r"v(add|sub)ps", i.name):
            return ["other", "load"], spill
        if memory and vector:
            return ["store" if "[" in first else "load"], spill
        if vector and i.name.startswith("vmov") and not memory:
            return ["copy"], False
        return ["other"], False


class Arm:
    objdump = "aarch64-linux-gnu-objdump"
    options = ["-M", "no-aliases"]

    @staticmethod
    def target(i):
        if not re.match(r"(b|b\..*|cbn?z|tbn?z|br)$", i.name):
            return False
        found = re.search(r"([0-9a-f]+) <", i.operands)
        return int(found[1], 16) if found else None

    @staticmethod
    def falls_through(i):
        return i.name not in ("b", "br", "ret")

    @staticmethod
    def kind(i):
        spill = bool(re.search(r"\[(sp|x29)\b", i.operands))
        if i.name in ("fmla", "fmls"):
            return ["fma"], False
        if re.match(r"ld", i.name):
            return ["load"], spill
        if re.match(r"st", i.name):
            return ["store"], spill
        if i.name in ("mov", "orr") and re.match(r"v\d+\.16b, v\d+\.16b", i.operands) \
                or i.name in ("dup", "ins", "zip1", "zip2", "trn1", "trn2", "uzp1", "uzp2", "ext"):
            return ["copy"], False
        return ["other"], False


def functions(objdump, options, path):
    """{name: [Instruction]} of an object file."""
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", *options, path], check=True,
                          capture_output=True, text=True).stdout
    found, body = {}, None
    for line in text.splitlines():
        start = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        if start:
            body = found.setdefault(start[1], [])
            continue
        parts = re.match(r"\s*([0-9a-f]+):\t(\S+)\s*(.*)$", line)
        if parts and body is not None:
            operands = re.sub(r"\s*(//|#).*$", "", parts[3])
            body.append(Instruction(int(parts[1], 16), parts[2], operands))
    return found


def blocks_of(body, machine):
    """The function as basic blocks: [instructions] and [successors]."""
    at = {i.address: n for n, i in enumerate(body)}
    heads = {0}
    for n, i in enumerate(body):
        target = machine.target(i)
        if target in at and target is not False:
            heads.add(at[target])
        if target is not False or not machine.falls_through(i):
            heads.add(n + 1)
    starts = sorted(h for h in heads if h < len(body))
    number = {s: b for b, s in enumerate(starts)}
    blocks, after = [], []
    for b, start in enumerate(starts):
        end = starts[b + 1] if b + 1 < len(starts) else len(body)
        block, last = body[start:end], body[end - 1]
        target = machine.target(last)
        to = [number[at[target]]] if target in at and target is not False else []
        if machine.falls_through(last) and b + 1 < len(starts):
            to.append(b + 1)
        blocks.append(block)
        after.append(to)
    return blocks, after


def loops_of(after):
    """{head: set of blocks} of the natural loops. Blocks that only a jump table leads to count as
    entries of the function."""
    n = len(after)
    before = [[] for _ in range(n)]
    for b, to in enumerate(after):
        for t in to:
            before[t].append(b)
    order, seen = [], set()
    for root in range(n):
        if root in seen or (root and before[root]):
            continue
        stack = [(root, iter(after[root]))]
        seen.add(root)
        while stack:
            b, rest = stack[-1]
            for t in rest:
                if t not in seen:
                    seen.add(t)
                    stack.append((t, iter(after[t])))
                    break
            else:
                order.append(b)
                stack.pop()
    order.reverse()
    every = set(order)
    dominators = {b: set(every) for b in order}
    changed = True
    while changed:
        changed = False
        for b in order:
            from_all = [dominators[p] for p in before[b] if p in every]
            new = (set.intersection(*from_all) if from_all and b else set()) | {b}
            if new != dominators[b]:
                dominators[b] = new
                changed = True
    loops = {}
    for b in order:
        for head in after[b]:
            if head in dominators[b]:
                body, stack = loops.setdefault(head, {head}), [b]
                while stack:
                    x = stack.pop()
                    if x not in body:
                        body.add(x)
                        stack.extend(before[x])
    return loops


def count(machine, instructions):
    found = collections.Counter()
    for i in instructions:
        kinds, spill = machine.kind(i)
        found.update(kinds)
        found["all"] += 1
        found["spill"] += spill
    return found


def inner_loops(body, machine, straight):
    """Counts for each innermost loop that multiplies, or for the straight piece of code that
    multiplies most."""
    blocks, after = blocks_of(body, machine)
    if straight:
        return [max((count(machine, b) for b in blocks), key=lambda c: (c["fma"], share(c)))]
    loops = loops_of(after)
    counts = [count(machine, itertools.chain(*(blocks[b] for b in inside)))
              for head, inside in loops.items()
              if not any(other != head and other in inside for other in loops)]
    return [c for c in counts if c["fma"]]


def share(c):
    return c["fma"] / c["all"]


def survey(build, isa, objdump=None):
    """{family: {function: [counts of a loop]}}"""
    machine = Arm if isa == "neon" else X86
    folder = build / "src" / "kernels" / f"libprusik_{isa}.a.p"
    objects, found = {}, {}
    for family, (file, pattern, straight) in FAMILIES.items():
        if ONLY.get(family, isa) != isa:
            continue
        if file not in objects:
            objects[file] = functions(objdump or machine.objdump, machine.options,
                                      folder / f"{file}.isa.c.o")
        found[family] = {name: inner_loops(body, machine, straight)
                         for name, body in objects[file].items() if re.match(pattern, name)}
    return found


def spilling(found):
    """{function: its loops that put vectors on the stack}"""
    bad = {name: [c for c in loops if c["spill"]]
           for kernels in found.values() for name, loops in kernels.items()}
    return {name: loops for name, loops in bad.items() if loops}


def main_loop(loops):
    return max(loops, key=lambda c: (c["fma"], share(c)))


def print_table(isa, found, every):
    columns = ("fma", "load", "store", "copy", "other", "spill", "all")
    for family, kernels in found.items():
        rows = sorted(((main_loop(loops), name) for name, loops in kernels.items() if loops),
                      key=lambda r: -share(r[0]))
        for c, name in rows if every else rows[:1]:
            print(f"{isa:<7} {family:<17} {name:<16} "
                  + " ".join(f"{c[k]:>5}" for k in columns) + f" {share(c):6.0%}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--objdump", help="default: binutils' for the architecture")
    parser.add_argument("--all", action="store_true", help="every kernel, not each family's best")
    parser.add_argument("isas", nargs="+", choices=["neon", "avx2", "avx512"], metavar="ISA")
    options = parser.parse_args()
    print(f"{'':<7} {'family':<17} {'kernel':<16} "
          + " ".join(f"{k:>5}" for k in ("fma", "load", "store", "copy", "other", "spill", "all"))
          + "  share")
    bad = []
    for isa in options.isas:
        found = survey(options.build, isa, options.objdump)
        print_table(isa, found, options.all)
        bad += [f"{isa} {name}: {c['spill']} of {c['all']} instructions"
                for name, loops in spilling(found).items() for c in loops]
    for line in bad:
        print(f"spills: {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
