# SPDX-License-Identifier: Apache-2.0
"""How busy `prusik detect` keeps the cores on a folder of photos.

    build/venv/bin/python bench/busy.py --model yolov5n_640.onnx --photos DIR [--rounds 5]

Prints for each round user and system time over wall time and cores, from start to end of the
program, loading included. On a machine that others use, too, time is lost to them: the second
figure adds the time in which a thread was ready to run and waited for a core (Linux's schedstat).
"""

import argparse
import os
import pathlib
import resource
import subprocess
import tempfile
import time


def waited(pid, seen):
    """Adds to `seen` how long each thread has waited for a core, in seconds."""
    try:
        for task in os.scandir(f"/proc/{pid}/task"):
            with open(f"{task.path}/schedstat") as file:
                seen[task.name] = int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        pass  # it ended between two looks


def machine_busy():
    """Seconds all programs together have used of all cores since the machine started."""
    with open("/proc/stat") as file:
        user, nice, system, idle, iowait, *rest = map(int, file.readline().split()[1:])
    return (user + nice + system + sum(rest[:2])) / os.sysconf("SC_CLK_TCK")


def one(command, cores):
    """Seconds, and parts of all cores: used, used or waited for, used by others meanwhile."""
    others = machine_busy()
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    seen = {}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    while process.poll() is None:
        waited(process.pid, seen)
        time.sleep(0.02)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    said = process.stderr.read().strip().splitlines()
    if process.returncode:
        raise SystemExit("\n".join(said))
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    others = max(machine_busy() - others - used, 0)
    return [wall] + [v / wall / cores for v in (used, used + sum(seen.values()), others)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--model", required=True)
    parser.add_argument("--photos", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cores, best = len(os.sched_getaffinity(0)), (0, 0)
    with tempfile.TemporaryDirectory() as folder:
        command = [options.build / "cmd" / "prusik", "detect", options.model, options.photos,
                   "--output", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # converts, fills caches
        for _ in range(options.rounds):
            wall, used, wanted, others = one(command, cores)
            print(f"{wall:6.2f} s  {used:6.1%} of {cores} cores used, {wanted:6.1%} wanted; "
                  f"{others:.1%} used by others")
            best = max(best, (used, wanted))
    print(f"best: {best[0]:.1%} used")


if __name__ == "__main__":
    main()
