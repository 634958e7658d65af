# SPDX-License-Identifier: Apache-2.0
"""prusik detect and classify: every kind of source, every kind of output, and stopping."""

import csv
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image
from test_prusik import constant_network, folder, png, run, sentence  # noqa: F401 (fixtures)


def detect(run, *arguments, status=0, **more):
    return json.loads(
        run("detect", "--json", "--type", "yolox", "yolox.om", *arguments, status=status, **more).stdout
    )


@pytest.fixture(scope="module")
def pictures(folder):  # noqa: F811
    """A folder with three pictures, a hidden one, a text and a folder below."""
    at = folder / "pictures"
    (at / "below.png").mkdir(parents=True)
    for name in ("c.png", "a.png", "b.PNG", ".hidden.png"):
        png(at / name)
    (at / "notes.md").write_text("not a picture")
    (at / "list.txt").write_text("# two\n\nc.png\r\n../a.png\n")
    return at


def names(entries):
    return [pathlib.Path(e["image"]).name for e in entries]


def test_folder(run, pictures):  # noqa: F811
    assert names(detect(run, "pictures")) == ["a.png", "b.PNG", "c.png"]
    assert detect(run, "pictures/")[0]["image"] == "pictures/a.png"
    (pictures.parent / "nothing").mkdir(exist_ok=True)
    assert "holds no pictures" in run("detect", "yolox.om", "nothing", status=1).stderr


def test_glob_and_list(run, pictures):  # noqa: F811
    assert names(detect(run, "pictures/[ac].*")) == ["a.png", "c.png"]
    assert "matches nothing" in run("detect", "yolox.om", "pictures/*.gif", status=1).stderr
    assert names(detect(run, "pictures/list.txt")) == ["c.png", "a.png"]
    (pictures / "self.txt").write_text("list.txt\n")
    assert "not lists" in run("detect", "yolox.om", "pictures/self.txt", status=1).stderr
    (pictures / "empty.txt").write_text("\n# nothing\n")
    assert "names no pictures" in run("detect", "yolox.om", "pictures/empty.txt", status=1).stderr
    (pictures / "binary.txt").write_bytes(bytes(range(256)) * 9)
    assert "no list" in run("detect", "yolox.om", "pictures/binary.txt", status=1).stderr


def test_names_with_odd_letters(run, pictures, tmp_path):  # noqa: F811
    """A name that looks like a pattern is a name first; one that is no UTF-8 is no trouble."""
    odd = tmp_path / "odd"
    odd.mkdir()
    png(odd / "star[1]*.png")
    png(pathlib.Path(os.fsdecode(bytes(odd) + b"/\xff\xfe.png")))
    assert names(detect(run, odd / "star[1]*.png")) == ["star[1]*.png"]
    assert len(detect(run, odd, "--csv", "--save-txt", "--output", tmp_path / "out")) == 2


def test_stdin(prusik, folder):  # noqa: F811
    for data, status in (((folder / "a.png").read_bytes(), 0), (b"", 1), (b"\x89PNG" * 99, 1)):
        done = subprocess.run(
            [prusik, "detect", "--json", "yolox.om", "-"], input=data, capture_output=True, cwd=folder
        )
        assert done.returncode == status, done.stderr
        assert len(json.loads(done.stdout)) == (status == 0)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
@pytest.mark.parametrize("cores", [1, 2])
def test_first_picture_while_the_model_loads(prusik, folder, tmp_path, cores):  # noqa: F811
    """With a core to spare it has been read by the time that the model turns out to be none."""
    (tmp_path / "none.om").write_bytes(b"no model")
    os.mkfifo(tmp_path / "a.png")
    writer = threading.Thread(target=lambda: os.close(os.open(tmp_path / "a.png", os.O_WRONLY)))
    writer.start()  # waits for a reader
    usable = sorted(os.sched_getaffinity(0))[:cores]
    done = subprocess.run([prusik, "detect", tmp_path / "none.om", tmp_path / "a.png"],
                          capture_output=True, text=True, timeout=60,
                          preexec_fn=lambda: os.sched_setaffinity(0, usable))
    writer.join(10 if cores == 2 else 0.3)
    was_read = not writer.is_alive()
    end = os.open(tmp_path / "a.png", os.O_RDONLY | os.O_NONBLOCK)  # lets the writer go
    writer.join()
    os.close(end)
    assert done.returncode == 1 and "none.om cannot be loaded" in done.stderr
    assert was_read == (cores == 2)


def test_unknown_protocol(run):  # noqa: F811
    for address in ("file:///etc/passwd", "concat://a", "ftp://host/a.mp4"):
        done = run("detect", "yolox.om", address, status=1)
        assert "rtsp" in done.stderr and address in done.stderr


def test_numbered_folders(run, folder, tmp_path):  # noqa: F811
    model, picture = folder / "yolox.om", folder / "a.png"
    for command in range(3):
        subprocess.run(
            [run.prusik, "detect", model, picture], cwd=tmp_path, check=True, capture_output=True
        )
    assert sorted(p.name for p in (tmp_path / "runs" / "detect").iterdir()) == [
        "exp", "exp2", "exp3"]
    assert (tmp_path / "runs" / "detect" / "exp3" / "a.png").exists()
    # What writes nothing leaves nothing.
    for more in (["--json"], ["--no-draw"]):
        subprocess.run([run.prusik, "detect", *more, model, picture], cwd=tmp_path, check=True,
                       capture_output=True)
    subprocess.run([run.prusik, "detect", model, folder / "broken.png"], cwd=tmp_path,
                   capture_output=True)
    assert len(list((tmp_path / "runs" / "detect").iterdir())) == 3


def test_same_names(run, pictures, tmp_path):  # noqa: F811
    """Pictures of the same name from several folders do not overwrite each other."""
    png(tmp_path / "a.png", 20, 20)
    png(tmp_path / "a_2.png", 20, 20)
    run("detect", "--type=yolox", "--output", tmp_path / "out", "--save-txt", "yolox.om", "a.png",
        tmp_path / "a.png", "pictures/a.png", tmp_path / "a_2.png")
    drawn = sorted(p.name for p in (tmp_path / "out").glob("*.png"))
    assert len(drawn) == 4 and drawn[0] == "a.png"
    assert len(list((tmp_path / "out" / "labels").iterdir())) == 4


def test_files(run, folder, tmp_path):  # noqa: F811
    """Every file says what the JSON says."""
    Image.new("RGB", (80, 40), (9, 99, 199)).save(folder / "139.jpg", quality=95)
    (entry,) = detect(run, "--output", tmp_path, "--csv", "--coco-json", "--save-conf",
                      "--save-crop", "139.jpg")
    found = entry["detections"]
    assert [d["label"] for d in found] == ["dog", "car"]
    rows = list(csv.DictReader((tmp_path / "results.csv").open(newline="")))
    coco = json.loads((tmp_path / "coco.json").read_text())
    text = [line.split() for line in (tmp_path / "labels" / "139.txt").read_text().splitlines()]
    assert len(rows) == len(coco) == len(text) == 2
    for d, row, c, t in zip(found, rows, coco, text):
        box = np.array(d["box"])
        assert (row["source"], row["label"], int(row["class_id"])) == (
            "139.jpg", d["label"], d["class_id"])
        assert float(row["score"]) == pytest.approx(d["score"], abs=1e-5)
        assert [float(row[k]) for k in ("left", "top", "right", "bottom")] == pytest.approx(
            d["box"], abs=1e-2)
        # 16 is COCO's 18th, 2 its 3rd.
        assert (c["image_id"], c["category_id"]) == (139, {16: 18, 2: 3}[d["class_id"]])
        assert c["bbox"] == pytest.approx([*box[:2], *(box[2:] - box[:2])], abs=1e-2)
        centre, size = (box[:2] + box[2:]) / 2 / [80, 40], (box[2:] - box[:2]) / [80, 40]
        assert [float(v) for v in t] == pytest.approx(
            [d["class_id"], *centre, *size, d["score"]], abs=1e-4)
    crop = Image.open(tmp_path / "crops" / "dog" / "139_1.jpg")
    assert crop.size == (20, 20)
    assert np.abs(np.asarray(crop).astype(int) - [9, 99, 199]).max() < 9  # before drawing
    plain = tmp_path / "plain"
    detect(run, "--output", plain, "--save-txt", "--no-draw", "139.jpg")
    assert [p.name for p in plain.iterdir()] == ["labels"]
    assert len((plain / "labels" / "139.txt").read_text().split()) == 10


def test_style(run, folder, tmp_path):  # noqa: F811
    pixels = {}
    for name, more in (("plain", []), ("bare", ["--hide-labels"]), ("short", ["--hide-conf"]),
                       ("thick", ["--line-width", "6", "--hide-labels"])):
        run("detect", "--type=yolox", *more, "--output", tmp_path / name, "yolox.om", "a.png")
        pixels[name] = np.asarray(Image.open(tmp_path / name / "a.png")).astype(int)
    changed = {k: int((v != [40, 90, 140]).any(2).sum()) for k, v in pixels.items()}
    assert changed["bare"] < changed["short"] < changed["plain"]
    assert changed["thick"] > changed["bare"]


def test_classes(run):  # noqa: F811
    for text in ("16", "dog", "dog,person", "0,16"):
        (entry,) = detect(run, "--classes", text, "a.png")
        assert [d["label"] for d in entry["detections"]] == ["dog"]
    assert detect(run, "--classes", "car", "--max-det", "1", "a.png")[0]["detections"]
    for text, part in (("dig", "'dig'"), ("80", "80"), ("-1", "-1"), (",", "no class")):
        sentence(run("detect", "--type=yolox", f"--classes={text}", "yolox.om", "a.png", status=1),
                 "detect", part)


def test_classify_files(run, tmp_path):  # noqa: F811
    done = run("classify", "--type=imagenet", "--save-txt", "--csv", "--output", tmp_path, "top.om",
               "a.png")
    assert "drawn to" in done.stdout
    assert (tmp_path / "labels" / "a.txt").read_text().startswith("0.6000 class 2\n")
    row = next(csv.DictReader((tmp_path / "results.csv").open(newline="")))
    assert (row["label"], row["left"]) == ("class 2", "")
    sentence(run("classify", "--coco-json", "top.om", "a.png", status=2), "classify", "--coco-json")


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_order(run, folder, tmp_path, workers):  # noqa: F811
    """Results come in the order of the sources, whoever is done first; bad ones are left out."""
    sizes = [(600, 500), (8, 8), (300, 700), (9, 9), (10, 10), (500, 500), (11, 11)] * 3
    paths = []
    for i, size in enumerate(sizes):
        paths.append(tmp_path / f"{i}.png")
        png(paths[-1], *size)
        if i % 5 == 3:
            paths[-1].write_bytes(paths[-1].read_bytes()[:40])
    entries = detect(run, "--workers", str(workers), *paths, status=1)
    assert [(e["width"], e["height"]) for e in entries] == [
        s for i, s in enumerate(sizes) if i % 5 != 3]


def test_interrupt(prusik, folder, tmp_path):  # noqa: F811
    """Ctrl-C: what is done is complete, the rest is left, exit status 130."""
    png(tmp_path / "big.png", 3000, 2000)
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'big.png'}\n" * 2000)
    with open(tmp_path / "out.json", "wb") as out:
        process = subprocess.Popen(
            [prusik, "detect", "--json", "--coco-json", "--csv", "--output", tmp_path / "out",
             "--no-draw", "yolox.om", tmp_path / "list.txt"],
            cwd=folder, stdout=out, stderr=subprocess.PIPE)
        while process.poll() is None and (tmp_path / "out.json").stat().st_size < 5000:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 130, error
    assert "interrupted" in error
    entries = json.loads((tmp_path / "out.json").read_text())
    assert 0 < len(entries) < 2000
    assert len(json.loads((tmp_path / "out" / "coco.json").read_text())) == 2 * len(entries)
    rows = (tmp_path / "out" / "results.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * len(entries)


def test_progress(prusik, folder, pictures):  # noqa: F811
    """A bar with rate and time left on a terminal, nothing of it in a pipe."""
    png(pictures / "large.png", 3000, 2000)
    leader, follower = pty.openpty()
    many = ["pictures/large.png"] * 30
    process = subprocess.Popen([prusik, "detect", "--json", "yolox.om", *many], cwd=folder,
                               stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    assert process.wait() == 0
    assert b"/30 pictures, " in shown and b"/s, " in shown and b" left" in shown
    os.close(leader)
    done = subprocess.run([prusik, "detect", "--json", "yolox.om", *many], cwd=folder,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert b"left" not in done.stderr and b"\033" not in done.stderr
    (pictures / "large.png").unlink()


def test_no_place_to_write(run, folder, tmp_path):  # noqa: F811
    """A full disk, or a folder that cannot be made, is a sentence."""
    done = subprocess.run(f"{run.prusik} detect --json --type yolox yolox.om a.png >/dev/full",
                          shell=True, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1 and "disk full" in done.stderr
    (tmp_path / "runs").write_text("a file")
    done = subprocess.run([run.prusik, "detect", folder / "yolox.om", folder / "a.png"],
                          cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "--output" in done.stderr


def test_help_in_a_narrow_terminal(run):  # noqa: F811
    for columns in (40, 80, 100):
        for command in ("detect", "classify"):
            lines = run(command, "--help", env={"COLUMNS": str(columns)}).stdout.splitlines()
            assert all(len(line) <= columns for line in lines[1:]), columns


@pytest.mark.long
def test_both_cores_are_busy(prusik, data_dir, tmp_path):
    """Work on a folder of photos keeps every core busy above 90 %: user + system over wall time,
    from start to end of the program, loading included. Where others take the cores, what was
    waited for counts, too."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench"))
    import busy

    command = [prusik, "detect", "--type=yolov5", "--output", tmp_path / "out",
               data_dir / "models" / "yolov5n_640.onnx",
               data_dir / "images" / "coco_val128" / "images"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # converts
    cores, enough = len(os.sched_getaffinity(0)), False
    for _ in range(5):
        wall, used, wanted, others = busy.one(command, cores)
        print(f"{wall:.2f} s: {used:.1%} used, {wanted:.1%} wanted, {others:.1%} used by others")
        enough = enough or used > 0.9 or (others > 0.1 and wanted > 0.95)
    assert enough
