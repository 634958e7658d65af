# SPDX-License-Identifier: Apache-2.0
"""acllite and atlas_utils: names and signatures against the interface tables, runs against
onnxruntime. Each program is an interpreter of its own, as AscendCL starts once in one."""
import ast
import csv
import importlib
import inspect
import sys

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
FLOAT, INT32 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32

pytestmark = pytest.mark.in_process

WALK = """
import sys
import numpy as np
{imports}

resource = {resource}()
resource.init()
model = {model}(sys.argv[1])
"""
STYLES = {
    "acllite flat": ("from acllite_resource import AclLiteResource\n"
                     "from acllite_model import AclLiteModel\n"
                     "from acllite_image import AclLiteImage as Image",
                     "AclLiteResource", "AclLiteModel"),
    "acllite": ("from acllite.acllite_resource import AclLiteResource\n"
                "from acllite.acllite_model import AclLiteModel\n"
                "from acllite.acllite_image import AclLiteImage as Image",
                "AclLiteResource", "AclLiteModel"),
    "atlas_utils": ("from atlas_utils.acl_resource import AclResource\n"
                    "from atlas_utils.acl_model import Model\n"
                    "from acl_image import AclImage as Image", "AclResource", "Model"),
}


def walk(style="atlas_utils"):
    imports, resource, kind = STYLES[style]
    return WALK.format(imports=imports, resource=resource, model=kind)


@pytest.fixture(scope="module")
def two(model):
    """Two inputs, outputs of two types."""
    node = onnx.helper.make_node
    return model([node("Add", ["a", "b"], ["sum"]), node("Softmax", ["sum"], ["p"], axis=1),
                  node("Cast", ["sum"], ["whole"], to=INT32)],
                 [("a", FLOAT, [1, 3, 4]), ("b", FLOAT, [1, 3, 4])],
                 [("p", FLOAT, [1, 3, 4]), ("whole", INT32, [1, 3, 4])])


@pytest.mark.parametrize("style", STYLES)
def test_arrays_in_arrays_out(python, two, tmp_path, style):
    a, b = np.random.default_rng(1).standard_normal((2, 1, 3, 4), np.float32)
    np.savez(tmp_path / "in.npz", a=a, b=b)
    python(walk(style) + """
data = np.load("in.npz")
first = model.execute([data["a"], data["b"]])
kept = [array.copy() for array in first]
model.execute([data["b"], data["b"]])
assert all((x == y).all() for x, y in zip(first, kept)), "outputs must be new arrays each time"
image = Image(data["b"])  # an array that is not copied, and one that is not contiguous
again = model.execute([np.asfortranarray(data["a"]), image])
assert all((x == y).all() for x, y in zip(first, again))
np.savez("out.npz", *first)
""", two[1], cwd=tmp_path)
    expected = ort.InferenceSession(two[0]).run(None, {"a": a, "b": b})
    out = np.load(tmp_path / "out.npz")
    for i, want in enumerate(expected):
        assert out[f"arr_{i}"].dtype == want.dtype and out[f"arr_{i}"].shape == want.shape
        np.testing.assert_allclose(out[f"arr_{i}"], want, rtol=1e-5, atol=1e-6)


def test_slips_are_logged(python, two, tmp_path):
    out = python(walk() + """
x = np.zeros((1, 3, 4), np.float32)
assert model.execute([x]) is None
assert model.execute([x, "picture.jpg"]) is None
assert model.execute([x, x]) is not None
assert model.execute([x, np.zeros((1, 3, 8), np.float32)]) is None
assert Model("nowhere.om").execute([x]) is None
assert not Image("picture.gif").is_loaded() and not Image("nowhere.jpg").is_loaded()
""", two[1], cwd=tmp_path)
    for sentence in ("takes a list of 2 inputs, not 1", "input 1 is a str",
                     "input 1 had 48 bytes before and has 96 now",
                     "nowhere.om: there is no such model file", "picture.gif: only .jpg",
                     "nowhere.jpg cannot be read"):
        assert sentence in out


def test_images_in_every_memory(python, tmp_path):
    (tmp_path / "grey.yuv").write_bytes(bytes(range(96)))
    python("""
import acl, numpy as np
from acllite_resource import AclLiteResource
from acllite_image import AclLiteImage
from atlas_utils.acl_image import AclImage
import constants as const
resource = AclLiteResource()
resource.init()
for kind, width in ((AclImage, (8, 8, 96)), (AclLiteImage, (8, 8, 16, 2, 96))):
    image = kind("grey.yuv", *width)
    dvpp = image.copy_to_dvpp()
    assert type(dvpp) is kind and (dvpp.width, dvpp.height, dvpp.size) == (8, 8, 96)
    assert not dvpp.is_local() and image.is_local()
    host = dvpp.copy_to_host()
    assert host.is_local() and bytes(host.byte_data_to_np_array().view(np.uint8)) == bytes(range(96))
    host.save("copy.yuv")
    host.destroy()
    assert host.size == 0 and open("copy.yuv", "rb").read() == bytes(range(96))
""", cwd=tmp_path)


def test_resource_ends_and_starts_again(python):
    python("""
import acl
from acllite_resource import AclLiteResource
for _ in range(3):
    resource = AclLiteResource()
    resource.init()
    del resource
assert acl.init() == 0 and acl.finalize() == 0
""")


def rows(data_dir, name):
    with open(data_dir / "facts" / name, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def on_path(paths):
    sys.path[:0] = paths
    yield
    for path in paths:
        sys.path.remove(path)


def public_names(data_dir):
    """(module, class or "", name, args or value, is constant) of the tables."""
    for row in rows(data_dir, "acllite.csv"):
        if row["language"] == "python":
            yield (f"acllite.{row['module']}", row["class"], row["method"], row["args"],
                   row["module"] == "constants")
    for row in rows(data_dir, "atlas_utils.csv"):
        if "[gen" in row["source_repo_path"] or row["kind"] == "package":
            continue
        scope, _, name = row["name"].rpartition(".")
        if row["kind"] == "class":
            scope, name = row["name"], "__init__"
        yield (f"atlas_utils.{row['module']}", scope, name,
               row["returns"] if row["kind"] == "constant" else row["args"],
               row["kind"] == "constant")


def arguments(text, module):
    """[(name, default, kind)] of a parameter list as the tables write it."""
    scope = {"const": importlib.import_module("acllite.constants"), "dtype": module}
    return [(p.name, p.default, p.kind)
            for p in inspect.signature(eval(f"lambda {text}: 0", scope)).parameters.values()]


MISSING = object()


def test_signatures(on_path, data_dir):
    known, wrong, checked = {}, [], 0
    for module, scope, name, args, constant in public_names(data_dir):
        if module not in known:
            known[module] = importlib.import_module(module)
        if args == "(attribute)" or args == "(class attribute)":
            continue
        holder = getattr(known[module], scope, None) if scope else known[module]
        value = getattr(holder, name, MISSING)
        checked += 1
        if value is MISSING:
            wrong.append(f"{module}.{scope}.{name} is missing")
        elif constant:
            try:
                want = ast.literal_eval(args)
            except (SyntaxError, ValueError):
                continue
            if value != want:
                wrong.append(f"{module}.{name} is {value}, not {want}")
        elif args != "ctypes Structure":
            ours = [] if value is object.__init__ else [
                (p.name, p.default, p.kind) for p in inspect.signature(value).parameters.values()
                if p.name != "self"]
            if module == "acllite.acllite_logger":
                continue  # that table leaves the arguments out; atlas_utils' has them
            if ours != arguments(args, getattr(known[module], "dtype", None)):
                wrong.append(f"{module}.{scope}.{name}{inspect.signature(value)}, not ({args})")
    assert not wrong, "\n".join(wrong)
    assert checked > 360
