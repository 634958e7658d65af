# SPDX-License-Identifier: Apache-2.0
"""prusik explain: every code the headers declare or this project raises, and what people mistype."""

import csv
import os
import re
import subprocess
import sys

import pytest

from conftest import ROOT


def explain(prusik, *args):
    return subprocess.run([prusik, "explain", *args], capture_output=True, text=True)


def table():
    """(kind, name) of each line; kind is ERROR, or CARD for codes only hardware gives."""
    text = (ROOT / "src" / "acl" / "errors.def").read_text()
    return re.findall(r"^(ERROR|CARD)\((\w+),", text, re.M)


def header_codes():
    codes = {}
    for header in (ROOT / "include" / "acl").rglob("*.h"):
        for name, number in re.findall(r"(ACL_ERROR_\w+)\s*=?\s*\(?(\d{6})", header.read_text()):
            codes[name] = number
    return codes


def test_every_code_of_the_headers_is_explained(prusik):
    codes = header_codes()
    assert len(codes) > 200
    assert sorted(f"ACL_ERROR_{name}" for _, name in table()) == sorted(codes)
    for number in sorted(codes.values())[:: len(codes) // 12]:
        r = explain(prusik, number)
        assert r.returncode == 0 and r.stdout.startswith(number + "  ACL_ERROR_"), r
        for part in ("Meaning:", "Causes:", "To do:"):
            assert len(re.search(part + r" +(.*)", r.stdout)[1]) > 4


def test_no_constant_of_the_facts_is_missing(data_dir):
    known = header_codes()
    with open(data_dir / "facts" / "acl_enums.csv", newline="") as f:
        facts = {
            r["constant_or_field"]: r["value_or_ctype"]
            for r in csv.DictReader(f)
            if re.fullmatch(r"ACL_ERROR_\w+", r["constant_or_field"])
        }
    facts.pop("ACL_ERROR_NONE")
    assert len(facts) > 200
    assert facts == {n: known[n] for n in facts}


def test_codes_said_to_be_the_cards_are_never_returned():
    source = "\n".join(p.read_text() for p in (ROOT / "src").rglob("*.c"))
    for kind, name in table():
        assert kind == "ERROR" or not re.search(rf"\bACL_ERROR_{name}\b", source), name


def test_every_code_atc_raises_is_explained(prusik):
    header = (ROOT / "cmd" / "atc_messages.h").read_text()
    codes = re.findall(r"CODE\((E\w{5}),", header)
    assert len(codes) > 20
    listed = explain(prusik, "e1").stdout
    for code in codes:
        assert f"  {code}  " in listed
        r = explain(prusik, code)
        assert r.returncode == 0 and r.stdout.startswith(code + "\n") and "{" not in r.stdout


@pytest.mark.parametrize(
    "what", ["107002", "ACL_ERROR_RT_CONTEXT_NULL", "RT_CONTEXT_NULL", "acl_error_rt_context_null"]
)
def test_a_code_has_many_spellings(prusik, what):
    r = explain(prusik, what)
    assert r.returncode == 0
    assert r.stdout.startswith("107002  ACL_ERROR_RT_CONTEXT_NULL\n")
    assert "aclrtSetDevice" in r.stdout


def test_groups(prusik):
    r = explain(prusik)
    groups = re.findall(r"^  (\w+) +\S", r.stdout, re.M)
    assert r.returncode == 0 and "107" in groups and "E1" in groups
    listed = "".join(explain(prusik, g).stdout for g in groups)
    for _, name in table():
        assert re.search(rf"^  \d{{6}}  ACL_ERROR_{name}$", listed, re.M), name


def test_unknown_codes_name_the_nearest(prusik):
    r = explain(prusik, "ACL_ERROR_RT_CONTEXT_NUL")
    assert r.returncode == 1 and not r.stdout
    assert r.stderr.splitlines()[1].strip() == "107002  ACL_ERROR_RT_CONTEXT_NULL"
    assert explain(prusik, "E1000l").stderr.count("E1000") >= 3
    for nonsense in ("", "nonsense", "what is this", "x" * 5000, "\N{SNOWMAN}"):
        r = explain(prusik, nonsense)
        assert r.returncode == 1 and not r.stdout, nonsense
        assert r.stderr.count("\n") == 1 and "lists the groups" in r.stderr, r.stderr
    assert explain(prusik, "--json").returncode == 2
    assert explain(prusik, "1", "2").returncode == 2
    assert explain(prusik, "0").stdout.startswith("0  ACL_SUCCESS")


def test_every_code_of_the_facts_is_explained(prusik, data_dir):
    """Those this project never raises, too: people meet them in logs of the original."""
    with open(data_dir / "facts" / "atc_messages.csv", newline="") as f:
        codes = [r["code"] for r in csv.DictReader(f) if re.fullmatch(r"[EW]\w{5}", r["code"])]
    assert len(codes) > 200
    for code in codes:
        r = explain(prusik, code)
        assert r.returncode == 0 and r.stdout.startswith(code + "\n"), code
        assert len(re.search(r"Meaning: +(.*)", r.stdout)[1]) > 8
        assert re.search(r"To do: +\S", r.stdout) and re.search(r"Causes: +\S", r.stdout)


def test_groups_cover_all_codes_of_atc(prusik):
    groups = re.findall(r"^  ([EW]\w) +\S", explain(prusik).stdout, re.M)
    table = "".join((ROOT / "cmd" / name).read_text()
                    for name in ("atc_messages.h", "atc_foreign.def"))
    codes = re.findall(r"(?:CODE|FOREIGN)\(([EW]\w{5}),", table)
    assert len(codes) == len(set(codes)) > 200
    listed = "".join(explain(prusik, g).stdout for g in groups)
    assert [c for c in codes if f"  {c}  " not in listed] == []


MISTAKES = """
import acl
def said(call):
    print(call, acl.get_recent_err_msg(), sep="\\t")
acl.rt.malloc(0, 0); said("malloc")
acl.init()
acl.rt.malloc(64, 0); said("malloc")
acl.rt.set_device(99); said("set_device")
acl.rt.set_device(0)
acl.rt.malloc(1 << 60, 0); said("malloc")
acl.mdl.load_from_file("no.om"); said("load")
acl.mdl.unload(77); said("unload")
acl.rt.destroy_stream(12345); said("destroy_stream")
acl.rt.set_context(99); said("set_context")
"""


@pytest.mark.in_process
def test_a_failed_call_says_the_same(prusik, build_dir):
    """aclGetRecentErrMsg: what happened, with the handle or size, and explain's own sentence."""
    r = subprocess.run([sys.executable, "-c", MISTAKES], capture_output=True, text=True,
                       env={**os.environ, "PYTHONPATH": str(build_dir / "python")})
    lines = [line.split("\t") for line in r.stdout.splitlines()]
    assert len(lines) == 8, r
    codes = set()
    for call, said in lines:
        happened, meaning, code = re.fullmatch(r"(\w+: .+) \[(.+) prusik explain (\d+)\]",
                                               said).groups()
        assert f"  Meaning:  {meaning}\n" in explain(prusik, code).stdout, (call, said)
        codes.add(code)
    assert len(codes) > 4
    said = dict(lines)
    assert str(1 << 60) in said["malloc"] and "77" in said["unload"]
    assert "no.om" in said["load"] and hex(12345) in said["destroy_stream"]
