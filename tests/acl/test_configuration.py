# SPDX-License-Identifier: Apache-2.0
"""What the log says of a configuration's keys."""
import json
import os
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.in_process

SCRIPT = """
import acl, sys
assert acl.init(sys.argv[1]) == 0 and acl.finalize() == 0, acl.get_recent_err_msg()
"""


@pytest.fixture
def run(build_dir, tmp_path):
    def call(configuration):
        path = tmp_path / "acl.json"
        path.write_text(json.dumps(configuration))
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, path],
            capture_output=True, text=True, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(build_dir / "python"),
                 "ASCEND_GLOBAL_LOG_LEVEL": "2"})
        assert done.returncode == 0, done.stderr
        return [line for line in done.stderr.splitlines() if "aclInit" in line]
    return call


def test_unknown_keys_are_named(run):
    assert run({}) == []
    lines = run({"max_opqueue_num": "7", "err_msg_mode": "0", "later": 1,
                 "dump": {"dump_list": [], "newer": 2}, "profiler": {"newest": "on"}})
    assert len(lines) == 3
    for name, line in zip(("later", "dump.newer", "profiler.newest"), lines):
        assert f"{name} is not known here and ignored" in line and "acl.json" in line


def test_keys_of_other_hardware_are_named(run, tmp_path):
    keys = {"aic_metrics": "PipeUtilization", "aicpu": "on", "hccl": "on", "l2": "on",
            "runtime_api": "on", "instr_profiling_freq": "1000"}
    section = {"switch": "on", "output": str(tmp_path)}
    lines = run({"profiler": {**section, **keys}})
    assert len(lines) == len(keys)
    for key, line in zip(keys, lines):
        assert f"profiler.{key} has no effect: " in line
    assert run({"profiler": {**section, **dict.fromkeys(keys, "off")}}) == []
    assert run({"profiler": {**keys, "switch": "off"}}) == []


def test_every_key_of_the_facts_is_known(run, data_dir):
    """Each acts, or the log says why it has no effect; none is taken for a stranger."""
    text = (data_dir / "facts" / "acl_json.md").read_text(encoding="utf-8")
    values = {"dump_list": [], "dump_step": "0", "dump_scene": "lite_exception", "output": ".",
              "dump_path": ".", "storage_limit": "300", "dump_mode": "all", "dump_level": "op",
              "dump_data": "tensor"}
    seen = 0
    for section in ("dump", "profiler"):
        table = text.split(f"\n## {section}\n")[1].split("\n\n")[0]
        for row in re.findall(r"^\|([^|]*)\|", table, re.MULTILINE):
            for key in row.split(","):
                key = key.strip()
                if key in ("key", "---", "--") or "[]" in key:
                    continue
                more = {"dump_path": "."} if section == "dump" else {}
                lines = run({section: {**more, key: values.get(key, "on")}})
                assert not any("not known" in line for line in lines), (key, lines)
                seen += 1
    assert seen >= 19
    assert {"max_opqueue_num", "err_msg_mode"} <= set(re.findall(r"`(\w+)`", text))
    assert run({"max_opqueue_num": "20000", "err_msg_mode": "1",
                "defaultDevice": {"default_device": "0"}}) == []


def test_a_folder_of_weights_is_not_looked_at(build_dir, atc, tmp_path):
    """A program that sets it for every model runs."""
    networks = pytest.importorskip("networks")
    networks.tiny(tmp_path / "net.onnx", 8)
    subprocess.run([atc, f"--model={tmp_path / 'net.onnx'}", "--framework=5",
                    f"--output={tmp_path / 'net'}", "--soc_version=Ascend310"], check=True,
                   capture_output=True)
    script = """
import acl
assert acl.init() == 0 and acl.rt.set_device(0) == 0
config = acl.mdl.create_config_handle()
for attr, value in ((1, 1), (2, "net.om"), (14, "weight")):
    assert acl.mdl.set_config_opt(config, attr, value) == 0
model, ret = acl.mdl.load_with_config(config)
assert ret == 0 and acl.mdl.unload(model) == 0 and acl.mdl.destroy_config_handle(config) == 0
assert acl.finalize() == 0
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(build_dir / "python"),
                               "ASCEND_GLOBAL_LOG_LEVEL": "2"}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("'weight' is not looked at") == 1


def test_what_profiling_does_not_record(build_dir, tmp_path):
    script = """
import acl
assert acl.init() == 0 and acl.rt.set_device(0) == 0
acl.prof.destroy_config(acl.prof.create_config([0], 1, 1, 0, 0x1 | 0x2 | 0x4 | 0x10 | 0x20))
acl.prof.destroy_config(acl.prof.create_config([0], 1, 255, 0, 0x1 | 0x2 | 0x4))
assert acl.prof.set_config(2, "50", 2) == 0
assert acl.finalize() == 0
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(build_dir / "python"),
                               "ASCEND_GLOBAL_LOG_LEVEL": "2"}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    for part in ("for ACL_PROF_L2CACHE", "for ACL_PROF_HCCL", "for ACL_PROF_AICORE_METRICS",
                 "aclprofSetConfig: type 2 has no effect"):
        assert sum(part in line for line in lines) == 1, (part, lines)
    assert len(lines) == 4
