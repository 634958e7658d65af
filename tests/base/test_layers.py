# SPDX-License-Identifier: Apache-2.0
"""Rules of the tree that a script can check: who may include whom, who may call getenv, licence
lines, and that no file has grown beyond reading."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

# In pipeline order: a folder includes only itself and what stands before it.
ORDER = ["base", "ir", "ops", "import", "passes", "om", "kernels", "plan", "exec", "media", "acl"]
# Narrower than the order: kernels are functions over memory, media is pictures only.
ONLY = {"kernels": {"base"}, "media": {"base"}}
# The one thing ir takes from the folder below it: the plain list of operator names.
EXCEPTIONS = {("ir", "ops/ops.def")}


def sources():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.split("\n") if listed.returncode == 0 else []
    return [ROOT / n for n in names if re.search(r"\.(c|h|def|py|build|sh)$", n)]


def test_folders_include_only_what_stands_above_them():
    wrong = []
    for path in sources():
        parts = path.relative_to(ROOT).parts
        if parts[0] != "src" or parts[1] not in ORDER:
            continue
        folder = parts[1]
        allowed = ONLY.get(folder, set(ORDER[:ORDER.index(folder)])) | {folder}
        for included in re.findall(r'^\s*#\s*include "([^"]+)"', path.read_text(), re.M):
            top = included.split("/")[0]
            if top in ORDER and top not in allowed and (folder, included) not in EXCEPTIONS:
                wrong.append(f"{path.relative_to(ROOT)} includes {included}")
    assert not wrong, "\n".join(wrong)


def test_vision_and_examples_use_public_headers_only():
    wrong = []
    for path in sources():
        parts = path.relative_to(ROOT).parts
        if parts[0] not in ("vision", "examples"):
            continue
        for included in re.findall(r'^\s*#\s*include "([^"]+)"', path.read_text(), re.M):
            if included.split("/")[0] in ORDER and included.split("/")[0] != "acl":
                wrong.append(f"{path.relative_to(ROOT)} includes {included}")
    assert not wrong, "\n".join(wrong)


def test_the_environment_is_read_in_one_place():
    wrong = [str(p.relative_to(ROOT)) for p in sources()
             if p.suffix in (".c", ".h") and p.relative_to(ROOT).parts[0] == "src"
             and re.search(r"\b(secure_)?getenv\s*\(", p.read_text()) and p.name != "env.c"]
    assert not wrong, wrong


def test_every_file_has_its_licence_line():
    wrong = [str(p.relative_to(ROOT)) for p in sources()
             if p.stat().st_size and "SPDX-License-Identifier: Apache-2.0" not in p.read_text()[:300]]
    assert not wrong, wrong


def test_no_file_is_too_long_to_read():
    wrong = [f"{p.relative_to(ROOT)}: {n} lines" for p in sources()
             if (n := p.read_text().count("\n")) > 1000]
    assert not wrong, wrong


def test_generated_pages_are_up_to_date():
    done = subprocess.run(["python3", ROOT / "scripts" / "make_docs.py", "--check"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
