# SPDX-License-Identifier: Apache-2.0
"""prusik eval: COCO's figures against pycocotools, folders, files, and what people get wrong."""

import contextlib
import csv
import io
import json
import os
import pathlib
import sys

import numpy as np
import pytest
from PIL import Image
from test_prusik import folder, png, run, sentence  # noqa: F401 (fixtures)

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "vision"))

FIGURES = ["ap", "ap50", "ap75", "small", "medium", "large", "ar1", "ar10", "ar100"]


def coco_figures(annotations, results):
    """pycocotools' nine figures, and its AP for each category."""
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        evaluation = COCOeval(truth, truth.loadRes(str(results)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    each = evaluation.eval["precision"][:, :, :, 0, 2]
    each = [float(p[p > -1].mean()) if (p > -1).any() else None for p in each.transpose(2, 0, 1)]
    return evaluation.stats[:9], dict(zip(evaluation.params.catIds, each))


def compare(run, annotations, results):  # noqa: F811
    report = json.loads(run("eval", "--json", "--coco", annotations, "--results", results).stdout)
    stats, each = coco_figures(annotations, results)
    print({k: (report[k], float(v)) for k, v in zip(FIGURES, stats)})
    for key, expected in zip(FIGURES, stats):
        assert (-1 if report[key] is None else report[key]) == pytest.approx(expected, abs=5e-5), key
    for c in report["categories"]:
        assert c["ap"] == (None if each[c["id"]] is None else pytest.approx(each[c["id"]], abs=5e-5))
    return report


def random_case(at, seed, images=30, categories=6, ties=False):
    """Truths with crowds and odd areas, detections that fit some of them more or less."""
    rng = np.random.default_rng(seed)
    truths, found = [], []
    ids = [int(i) for i in rng.choice(10000, images, replace=False)]
    category_ids = [int(i) for i in rng.choice(90, categories, replace=False)]
    for image in ids:
        for _ in range(rng.integers(0, 12)):
            x, y = rng.uniform(0, 400, 2)
            w, h = np.exp(rng.uniform(1, 6, 2))
            category = int(rng.choice(category_ids))
            crowd = int(rng.random() < 0.1)
            truths.append(dict(id=len(truths) + 1, image_id=image, category_id=category,
                               bbox=[x, y, w, h], area=w * h * rng.uniform(0.5, 1), iscrowd=crowd))
            for _ in range(rng.integers(0, 4 + 8 * crowd)):
                dx, dy = rng.normal(0, 0.1, 2) * [w, h]
                score = rng.integers(1, 9) / 8 if ties else rng.random()
                if rng.random() < 0.1:
                    category = int(rng.choice(category_ids))
                found.append(dict(image_id=image, category_id=category, score=float(np.float32(score)),
                                  bbox=[x + dx, y + dy, w * rng.uniform(0.8, 1.2), h]))
        for _ in range(rng.integers(0, 130 if rng.random() < 0.1 else 5)):
            found.append(dict(image_id=image, category_id=int(rng.choice(category_ids[:3])),
                              bbox=[float(v) for v in rng.uniform(1, 300, 4)],
                              score=float(np.float32(rng.random()))))
    order = rng.permutation(len(found))
    (at / "truth.json").write_text(json.dumps(dict(
        images=[dict(id=i, file_name=f"{i}.jpg", width=640, height=480) for i in ids],
        annotations=truths, categories=[dict(id=c, name=f"c{c}") for c in category_ids])))
    (at / "found.json").write_text(json.dumps([found[i] for i in order]))


@pytest.mark.parametrize("seed", range(8))
def test_equal_to_pycocotools(run, tmp_path, seed):  # noqa: F811
    random_case(tmp_path, seed, categories=1 + seed, ties=seed % 2 == 1)
    report = compare(run, tmp_path / "truth.json", tmp_path / "found.json")
    assert 0 < report["ap"] < 1


def test_nothing_found_and_nothing_there(run, tmp_path):  # noqa: F811
    random_case(tmp_path, 1)
    (tmp_path / "found.json").write_text("[]")
    report = json.loads(run("eval", "--json", "--coco", tmp_path / "truth.json", "--results",
                            tmp_path / "found.json").stdout)
    assert report["ap"] == 0
    random_case(tmp_path, 2)
    truth = json.loads((tmp_path / "truth.json").read_text())
    truth["annotations"] = []
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    report = json.loads(run("eval", "--json", "--coco", tmp_path / "truth.json", "--results",
                            tmp_path / "found.json").stdout)
    assert report["ap"] is None and report["ar100"] is None


@pytest.fixture
def labelled(tmp_path):
    """Six pictures of 64 x 64, on which yolox.om finds a dog at (4,4) 16 wide and a car."""
    at = tmp_path / "set"
    (at / "images").mkdir(parents=True)
    (at / "labels").mkdir()
    truths = []
    for i in range(6):
        png(at / "images" / f"{i:012}.png", 64, 64)
        lines = []
        # The dog is where it is found in four pictures, elsewhere in one, missing in one.
        if i < 5:
            x = 8.0 if i < 4 else 40.0
            truths.append(dict(id=i + 1, image_id=i, category_id=18, bbox=[x, 8, 16, 16], area=256,
                               iscrowd=0))
            lines.append(f"16 {(x + 8) / 64} {16 / 64} 0.25 0.25\n")
        (at / "labels" / f"{i:012}.txt").write_text("".join(lines))
    (at / "truth.json").write_text(json.dumps(dict(
        images=[dict(id=i, file_name=f"{i:012}.png", width=64, height=64) for i in range(6)],
        annotations=truths, categories=[dict(id=18, name="dog"), dict(id=3, name="car")])))
    return at


def test_detector(run, labelled, tmp_path):  # noqa: F811
    """A network from end to end: figures as pycocotools gives for the boxes it writes."""
    out = tmp_path / "out"
    done = run("eval", "yolox.om", "--type=yolox", "--coco", labelled / "truth.json", "--output",
               out)
    assert sorted(p.name for p in out.iterdir()) == [
        "classes.csv", "coco.json", "confusion.csv", "confusion.png", "curves.png", "report.json"]
    report = json.loads((out / "report.json").read_text())
    stats, each = coco_figures(labelled / "truth.json", out / "coco.json")
    for key, expected in zip(FIGURES, stats):
        assert (-1 if report[key] is None else report[key]) == pytest.approx(expected, abs=5e-5), key
    assert "AP 0.50:0.95" in done.stdout and "dog" in done.stdout and "pictures/s" in done.stdout
    assert all(report["timing_ms"][k] >= 0 for k in ("decode", "preprocess", "infer", "postprocess"))
    dog = next(c for c in report["categories"] if c["name"] == "dog")
    assert (dog["pictures"], dog["boxes"], dog["found"]) == (5, 5, 6)
    assert dog["precision"] == pytest.approx(4 / 6, abs=1e-3) and dog["recall"] == 0.8
    rows = list(csv.reader((out / "confusion.csv").open(newline="")))
    names = rows[0][1:]
    matrix = {r[0]: dict(zip(names, map(int, r[1:]))) for r in rows[1:]}
    assert matrix["dog"]["dog"] == 4 and matrix["dog"]["(nothing)"] == 2
    assert matrix["(nothing)"]["dog"] == 1 and matrix["car"]["(nothing)"] == 6
    for name in ("curves.png", "confusion.png"):
        pixels = np.asarray(Image.open(out / name).convert("RGB"))
        assert pixels.shape[0] > 100 and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10


def test_yolo_folder_says_the_same(run, labelled):  # noqa: F811
    by_coco = json.loads(run("eval", "yolox.om", "--json", "--type=yolox", "--coco",
                             labelled / "truth.json").stdout)
    for path in (labelled, labelled / "images"):
        by_yolo = json.loads(run("eval", "yolox.om", "--json", "--type=yolox", "--yolo", path).stdout)
        assert by_yolo["ap50"] == pytest.approx(by_coco["ap50"])
        assert by_yolo["ap"] == pytest.approx(by_coco["ap"])
    # A polygon counts as the box around it.
    name = labelled / "labels" / f"{0:012}.txt"
    name.write_text("16 0.125 0.125 0.375 0.2 0.3 0.375 0.2 0.3\n")
    again = json.loads(run("eval", "yolox.om", "--json", "--type=yolox", "--yolo", labelled).stdout)
    assert again["ap50"] == pytest.approx(by_coco["ap50"])


def test_a_bad_picture_counts_as_empty(run, labelled):  # noqa: F811
    (labelled / "images" / f"{0:012}.png").write_bytes(b"broken")
    done = run("eval", "yolox.om", "--json", "--type=yolox", "--coco", labelled / "truth.json",
               status=1)
    report = json.loads(done.stdout)
    assert report["failed"] == 1 and f"{0:012}.png" in done.stderr
    dog = next(c for c in report["categories"] if c["name"] == "dog")
    assert (dog["found"], dog["recall"]) == (5, 0.6)


def test_classifier(run, tmp_path):  # noqa: F811
    """top.om always says 2, then 1; there are four classes."""
    for label, n in enumerate((1, 2, 3, 0)):
        (tmp_path / "set" / f"class{label}").mkdir(parents=True)
        for i in range(n):
            png(tmp_path / "set" / f"class{label}" / f"{i}.png", 300, 300)
    out = tmp_path / "out"
    done = run("eval", "top.om", "--type=imagenet", "--imagenet", tmp_path / "set", "--output", out)
    assert "top-1  0.5000  (3 of 6)" in done.stdout and "top-5  1.0000" in done.stdout
    report = json.loads((out / "report.json").read_text())
    assert (report["top1"], report["top5"]) == (0.5, 1)
    assert [(c["id"], c["pictures"], c["top1"]) for c in report["classes"]] == [
        (0, 1, 0), (1, 2, 0), (2, 3, 3)]
    rows = list(csv.reader((out / "confusion.csv").open(newline="")))
    assert rows[3][1:] == ["1", "2", "3", "0", "0"]
    assert len((out / "predictions.csv").read_text().splitlines()) == 7
    # Names with commas and quotes are one field.
    odd = tmp_path / "set" / "class0" / '0, "so".png'
    (tmp_path / "set" / "class0" / "0.png").rename(odd)
    run("eval", "top.om", "--type=imagenet", "--imagenet", tmp_path / "set", "--output", out)
    rows = list(csv.reader((out / "predictions.csv").open(newline="")))
    assert {len(row) for row in rows} == {4} and str(odd) in {row[0] for row in rows}
    odd.rename(tmp_path / "set" / "class0" / "0.png")
    # The same by a list.
    lines = [f"class{k}/{i}.png,{k}\n" for k, n in enumerate((1, 2, 3)) for i in range(n)]
    (tmp_path / "set" / "labels.csv").write_text("file,class\n" + "".join(lines))
    done = run("eval", "top.om", "--json", "--type=imagenet", "--imagenet", tmp_path / "set")
    assert json.loads(done.stdout)["top1"] == 0.5
    # Every ending that detect takes for a picture's.
    (tmp_path / "set" / "labels.csv").unlink()
    (tmp_path / "set" / "class0" / "0.png").rename(tmp_path / "set" / "class0" / "0.JFIF")
    done = run("eval", "top.om", "--json", "--type=imagenet", "--imagenet", tmp_path / "set")
    assert json.loads(done.stdout)["classes"][0]["pictures"] == 1


def test_numbered_folder(run, labelled, tmp_path):  # noqa: F811
    run("eval", run.folder / "yolox.om", "--type=yolox", "--quiet", "--coco",
        labelled / "truth.json", "--json")
    assert not (run.folder / "runs" / "eval").exists()


@pytest.mark.parametrize("change, part", [
    (lambda t: t.pop("images"), "images"),
    (lambda t: t["annotations"][0].update(image_id=77), "annotation"),
    (lambda t: t["annotations"][0].update(bbox=[1, 2, 3]), "bbox"),
    (lambda t: t["annotations"][0].update(bbox=[1, 2, "3", 4]), "bbox"),
    (lambda t: t["images"][0].update(file_name="gone.png"), "--images"),
    (lambda t: t["images"][0].update(id=1), "two images"),
    (lambda t: t["categories"][0].pop("name"), "category"),
    (lambda t: t.update(annotations=[], categories=[dict(id=1, name="hat")]), "--labels"),
])
def test_wrong_annotations(run, labelled, change, part):  # noqa: F811
    truth = json.loads((labelled / "truth.json").read_text())
    change(truth)
    (labelled / "truth.json").write_text(json.dumps(truth))
    done = run("eval", "yolox.om", "--type=yolox", "--coco", labelled / "truth.json", status=1)
    assert part in done.stderr


def test_wrong_labels(run, labelled):  # noqa: F811
    label = labelled / "labels" / f"{0:012}.txt"
    for text in ("16 0.5 0.5 0.5\n", "dog 0.5 0.5 0.5 0.5\n", "1.5 0.5 0.5 0.5 0.5\n",
                 "-1 0.5 0.5 0.5 0.5\n", "16 0.5 0.5 0.5 nan\n", "16 0.5 0.5 0.5 0.5 0.5\n",
                 "80 0.5 0.5 0.5 0.5\n"):
        label.write_text(text)
        assert run("eval", "yolox.om", "--yolo", labelled, status=1).stderr.count("label") >= 1


def test_wrong_usage(run, labelled, tmp_path):  # noqa: F811
    truth = labelled / "truth.json"
    for arguments in ([], ["yolox.om"], ["--coco", truth],
                      ["yolox.om", "--coco", truth, "--yolo", "."],
                      ["yolox.om", "x.om", "--coco", truth]):
        assert "usage: prusik eval" in run("eval", *arguments, status=2).stderr
    sentence(run("eval", "--results", truth, "--yolo", "x", status=2), "eval", "--coco")
    sentence(run("eval", "yolox.om", "--yolo", tmp_path, status=1), "eval", "images and labels")
    sentence(run("eval", "yolox.om", "--coco", tmp_path / "gone.json", status=1), "eval",
             "unable to open")
    done = run("eval", "yolox.om", "--type=yolox", "--imagenet", labelled, status=1)
    assert "--coco or --yolo" in done.stderr
    (tmp_path / "found.json").write_text('[{"image_id": 99, "bbox": [1, 2, 3, 4], "score": 1}]')
    sentence(run("eval", "--coco", truth, "--results", tmp_path / "found.json", status=1), "eval",
             "entry 0")


# ---- trained networks ----

ORIGINAL = {  # lowest score, overlap, every class: what the authors evaluate with
    "yolox": (0.01, 0.65, False), "yolov5": (0.001, 0.6, True), "nanodet": (0.05, 0.6, True),
    "yolov8": (0.001, 0.7, True)}


def suppress(boxes, scores, classes, overlap_of, iou, most=300):
    order = np.argsort(-scores, kind="stable")
    kept = []
    while len(order) and len(kept) < most:
        best, order = order[0], order[1:]
        kept.append(best)
        drop = (overlap_of(boxes[best], boxes[order]) > iou) & (classes[order] == classes[best])
        order = order[~drop]
    return kept


@pytest.mark.long
@pytest.mark.parametrize("name, family", [
    ("yolox_nano_416", "yolox"), ("yolox_nano_416_v010_meanstd", "yolox-meanstd"),
    ("yolov5n_640", "yolov5"), ("nanodet_m_416", "nanodet"), ("nanodet_m_320_shapeops", "nanodet"),
    ("yolov8n", "yolov8"), ("yolo11n", "yolov8")])
def test_trained_detectors(run, data_dir, tmp_path, name, family):  # noqa: F811
    """mAP on photos within 0.2 points of onnxruntime's with OpenCV and the authors' steps."""
    cv2 = pytest.importorskip("cv2")
    import onnxruntime
    import reference

    photos = sorted((data_dir / "images" / "coco_val128" / "images").glob("*.jpg"))
    source = data_dir / "models" / f"{name}.onnx"
    if family == "yolov8":  # prusik pull --output demo/zoo fetches these
        source = pathlib.Path(__file__).parents[2] / "demo" / "zoo" / f"{name}.onnx"
    if not photos or not source.exists():
        pytest.skip(f"no {source.name}")
    session = onnxruntime.InferenceSession(str(source), providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0]
    height, width = (d if isinstance(d, int) else 640 for d in feed.shape[2:])
    lowest, iou, every = ORIGINAL[family.split("-")[0]]
    truths, found = [], []
    for k, path in enumerate(photos):
        bgr = cv2.imread(str(path))
        h, w = bgr.shape[:2]
        for line in (path.parents[1] / "labels" / f"{path.stem}.txt").read_text().splitlines():
            c, x, y, bw, bh = map(float, line.split())
            truths.append(dict(id=len(truths) + 1, image_id=k, category_id=int(c), iscrowd=0,
                               area=bw * bh * w * h,
                               bbox=[(x - bw / 2) * w, (y - bh / 2) * h, bw * w, bh * h]))
        x, (sx, sy, px, py) = reference.preprocess(
            family, np.ascontiguousarray(bgr[..., ::-1]), width, height,
            lambda rgb, a, b: cv2.resize(rgb, (a, b), interpolation=cv2.INTER_LINEAR))
        boxes, scores = reference.candidates(family, session.run(None, {feed.name: x}), width,
                                             height)
        if every:
            i, classes = np.nonzero(scores >= lowest)
        else:
            classes = scores.argmax(1)
            i = np.flatnonzero(scores.max(1) >= lowest)
            classes = classes[i]
        boxes, scores = boxes[i], scores[i, classes]
        for j in suppress(boxes, scores, classes, reference.overlap, iou):
            x1, y1, x2, y2 = np.clip((boxes[j] - [px, py, px, py]) / [sx, sy, sx, sy], 0,
                                     [w, h, w, h])
            found.append(dict(image_id=k, category_id=int(classes[j]), score=float(scores[j]),
                              bbox=[x1, y1, x2 - x1, y2 - y1]))
    (tmp_path / "truth.json").write_text(json.dumps(dict(
        images=[dict(id=k, file_name=p.name) for k, p in enumerate(photos)], annotations=truths,
        categories=[dict(id=c, name=str(c)) for c in range(80)])))
    (tmp_path / "found.json").write_text(json.dumps(found, default=float))
    stats, _ = coco_figures(tmp_path / "truth.json", tmp_path / "found.json")
    report = json.loads(run("eval", source, "--json", "--type", family, "--input-shape",
                            f"{feed.name}:1,3,{height},{width}", "--yolo",
                            photos[0].parents[1]).stdout)
    print(f"{name}: AP {100 * report['ap']:.2f} and {100 * stats[0]:.2f}, "
          f"AP50 {100 * report['ap50']:.2f} and {100 * stats[1]:.2f}")
    assert abs(report["ap"] - stats[0]) < 0.002
    assert abs(report["ap50"] - stats[1]) < 0.002


@pytest.mark.long
@pytest.mark.parametrize("name, family", [
    ("mobilenetv2_fp32_dequantised", "imagenet"), ("squeezenet_1.0_fp16", "imagenet-caffe")])
def test_trained_classifiers(run, data_dir, name, family):  # noqa: F811
    """Top-1 and top-5 are onnxruntime's on the same photos, but for one photo on an edge."""
    import onnxruntime
    import reference

    folder_of = data_dir / "images" / "imagenet50"
    source = data_dir / "models" / f"{name}.onnx"
    if not source.exists() or not (folder_of / "labels.csv").exists():
        pytest.skip("not in the test data")
    session = onnxruntime.InferenceSession(str(source), providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0]
    top1 = top5 = n = 0
    for row in csv.DictReader((folder_of / "labels.csv").open()):
        rgb = np.asarray(Image.open(folder_of / row["file"]).convert("RGB"))
        x, _ = reference.preprocess(family, rgb, 224, 224)
        x = x.astype(np.float16) if "float16" in feed.type else x
        best = np.argsort(-session.run(None, {feed.name: x})[0].ravel().astype(np.float32))
        top1 += best[0] == int(row["class_index"])
        top5 += int(row["class_index"]) in best[:5]
        n += 1
    report = json.loads(run("eval", source, "--json", "--type", family, "--imagenet", folder_of).stdout)
    print(f"{name}: top-1 {report['top1']:.4f} and {top1 / n:.4f}, top-5 {report['top5']:.4f} "
          f"and {top5 / n:.4f}, {n} photos")
    assert abs(report["top1"] - top1 / n) <= 1.01 / n and abs(report["top5"] - top5 / n) <= 1.01 / n
