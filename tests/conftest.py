# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the Python tests.

PRUSIK_BUILD names the build folder (default build/dev); PRUSIK_TEST_DATA the folder of test data
(default: a sibling folder `shared`, if there is one). A test that needs data asks for `data_dir` and
is skipped, with the reason, where there is none.
"""
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def build_dir():
    return pathlib.Path(os.environ.get("PRUSIK_BUILD", ROOT / "build" / "dev")).resolve()


@pytest.fixture(scope="session")
def build_options(build_dir):
    options = subprocess.run(["meson", "introspect", "--buildoptions", build_dir],
                             capture_output=True, text=True)
    return {o["name"]: o["value"] for o in json.loads(options.stdout or "[]")}


@pytest.fixture(scope="session")
def instrumented(build_options):
    """Whether the build has sanitizers, which change its code and its pace."""
    return build_options.get("b_sanitize", "none") != "none"


@pytest.fixture(scope="session")
def release(build_options, instrumented):
    """Whether the build is what people get."""
    return build_options.get("buildtype") == "release" and not instrumented


@pytest.fixture(scope="session")
def data_dir():
    named = os.environ.get("PRUSIK_TEST_DATA")
    path = pathlib.Path(named) if named else ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("no test data: set PRUSIK_TEST_DATA to its folder")
    return path


@pytest.fixture(scope="session")
def atc(build_dir):
    return build_dir / "cmd" / "atc"


@pytest.fixture(scope="session")
def prusik(build_dir):
    return build_dir / "cmd" / "prusik"
