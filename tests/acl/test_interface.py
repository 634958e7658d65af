# SPDX-License-Identifier: Apache-2.0
"""The interface programs compile and link against.

The headers compile alone in every language version programs use; every prototype, enum value and
struct layout equals the published facts; and each library exports exactly its list.
"""
import csv
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
HEADERS = sorted(str(p.relative_to(INCLUDE)) for p in (INCLUDE / "acl").rglob("*.h"))
COMPILERS = [
    ("gcc", "c99"),
    ("gcc", "c17"),
    ("clang", "c99"),
    ("g++", "c++11"),
    ("g++", "c++17"),
    ("clang++", "c++17"),
]
EXPORTS = {p.stem.removeprefix("exports_"): p.read_text().split()
           for p in sorted((ROOT / "src" / "acl").glob("exports_*.txt"))}
LIBRARIES = {n: f"lib{n}.so" for n in EXPORTS}
STRUCT_HEADERS = ("acl_rt.h", "acl_mdl.h", "acl_dump.h")


def compile_text(compiler, standard, text):
    language = "c++" if compiler.endswith("++") else "c"
    command = [compiler, f"-std={standard}", "-x", language, "-I", str(INCLUDE), "-Wall", "-Wextra",
               "-pedantic", "-Werror", "-fsyntax-only", "-"]
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip(f"no {compiler} here")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("compiler,standard", COMPILERS)
def test_each_header_compiles_alone(compiler, standard):
    for header in HEADERS:
        compile_text(compiler, standard, f'#include "{header}"\nextern int nothing;\n')


def rows(data_dir, name):
    path = data_dir / "facts" / name
    if not path.is_file():
        pytest.skip(f"no {name} in the test data")
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def is_ours(header):
    return f"acl/{header}" in HEADERS


def checks_of_types(facts):
    """C statements that fail to compile when a value or layout differs."""
    n = 0
    for r in facts:
        if not is_ours(r["header"]):
            continue
        name, value = r["constant_or_field"], r["value_or_ctype"]
        if r["kind"] in ("enum", "const"):
            if value.startswith('"'):
                yield f'_Static_assert(sizeof({name}) == sizeof({value.strip(chr(34)).join(chr(34) * 2)}), "{name}");'
                yield f'static const char *text_{n} = {name}; /* is {value} */'
            else:
                yield f'_Static_assert((long long)({name}) == {value}LL, "{name}");'
        elif r["kind"] == "struct":
            align = re.search(r"align=(\d+)", r["note"]).group(1)
            yield f'_Static_assert(sizeof({r["enum_or_type"]}) == {r["size"]}, "{r["enum_or_type"]}");'
            yield f'_Static_assert(_Alignof({r["enum_or_type"]}) == {align}, "{r["enum_or_type"]}");'
        elif r["kind"] == "field":
            owner = r["enum_or_type"]
            yield f'_Static_assert(offsetof({owner}, {name}) == {r["offset"]}, "{owner}.{name}");'
            if r["size"] != "0":
                yield f'_Static_assert(sizeof((({owner} *)0)->{name}) == {r["size"]}, "{owner}.{name}");'
        elif r["kind"] == "typedef" and not r["value_or_ctype"].startswith("typedef enum"):
            yield f"{value};"
        n += 1


def include_all():
    return "".join(f'#include "{h}"\n' for h in HEADERS)


def test_values_and_layouts_equal_the_facts(data_dir):
    lines = list(checks_of_types(rows(data_dir, "acl_enums.csv")))
    assert len(lines) > 800
    text = include_all() + "#pragma GCC diagnostic ignored \"-Wunused-variable\"\n" + "\n".join(lines)
    compile_text("gcc", "c17", text + "\n")


def test_prototypes_equal_the_facts(data_dir):
    declared = set(re.findall(r"\b(acl\w+)\(", "".join((INCLUDE / h).read_text() for h in HEADERS)))
    lines = []
    for r in rows(data_dir, "acl_functions.csv"):
        if not is_ours(r["header"]):
            continue
        assert r["function"] in declared
        text = (INCLUDE / "acl" / r["header"]).read_text()
        assert re.search(rf"\b{r['function']}\(", text), f"{r['function']} is not in {r['header']}"
        lines.append(f"{r['return_type']} {r['function']}({', '.join(r['params'].split(';'))});")
    assert len(lines) > 550
    # Said a second time, each must be the same to both languages.
    compile_text("gcc", "c17", include_all() + "\n".join(lines) + "\n")
    compile_text("g++", "c++17", include_all() + 'extern "C" {\n' + "\n".join(lines) + "\n}\n")


def test_types_of_one_kind_differ():
    """The checks above can fail."""
    with pytest.raises(AssertionError):
        compile_text("gcc", "c17", include_all() + "aclError aclInit(int configPath);\n")
    with pytest.raises(AssertionError):
        compile_text("gcc", "c17", include_all() + '_Static_assert(ACL_UINT8 == 5, "x");\n')


@pytest.mark.parametrize("name", LIBRARIES)
def test_exports_equal_the_list(build_dir, name):
    library = build_dir / "src" / "acl" / LIBRARIES[name]
    if not library.is_file():
        pytest.skip(f"{library} is not built")
    listed = EXPORTS[name]
    assert listed == sorted(listed) and len(listed) == len(set(listed))
    output = subprocess.run(["nm", "-D", "--defined-only", str(library)], capture_output=True,
                            text=True, check=True).stdout
    exported = sorted(line.split()[2].split("@")[0] for line in output.splitlines())
    assert exported == listed
    dynamic = subprocess.run(["objdump", "-p", str(library)], capture_output=True, text=True,
                             check=True).stdout
    assert re.search(r"SONAME\s+(\S+)", dynamic).group(1) == LIBRARIES[name]


@pytest.mark.parametrize("name", LIBRARIES)
def test_functions_are_in_the_library_of_the_facts(data_dir, name):
    """What a program links for a function elsewhere has it here too, and nothing it has not."""
    home = {r["function"]: r["library"] for r in rows(data_dir, "acl_functions.csv")}
    public = [n for n in EXPORTS[name] if not n.startswith("_pk_")]
    assert {n: home.get(n) for n in public if home.get(n) != LIBRARIES[name]} == {}


def test_every_function_of_the_facts_is_exported(data_dir):
    exported = {n for names in EXPORTS.values() for n in names}
    assert {r["function"] for r in rows(data_dir, "acl_functions.csv")} - exported == set()


def test_every_exported_name_is_documented():
    """A comment stands directly above each implemented function, or above its group."""
    text = {h: (INCLUDE / h).read_text() for h in HEADERS}
    names = [n for listed in EXPORTS.values() for n in listed if n.startswith("acl")]
    for name in names:
        homes = [h for h, t in text.items() if re.search(rf"\b{name}\(", t.split("not in this library yet")[0])]
        assert homes, f"{name} is exported but stands among what is not in this library yet"
