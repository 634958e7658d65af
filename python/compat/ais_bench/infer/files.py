# SPDX-License-Identifier: Apache-2.0
"""Files of `python -m ais_bench`: which make one run's inputs, and where its outputs go."""
import itertools
import math
import pathlib
import re

import numpy as np

_SUFFIXES = (".npy", ".NPY", ".bin", ".BIN")


def _natural(path):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def list_inputs(text, n_inputs):
    """Lists of files, one for each input of the model. Directories stand for one input each; files
    are dealt out evenly, in order."""
    paths = [pathlib.Path(part) for part in text.split(",")]
    for path in paths:
        if not path.exists():
            raise RuntimeError("--input: there is no {}".format(path))
    if all(path.is_dir() for path in paths):
        if len(paths) != n_inputs:
            raise RuntimeError("--input has {} directories; the model has {} inputs".format(
                len(paths), n_inputs))
        lists = [sorted((p for p in path.iterdir() if p.suffix in _SUFFIXES), key=_natural)
                 for path in paths]
    elif any(path.is_dir() for path in paths):
        raise RuntimeError("--input takes files or directories, not both")
    else:
        each, rest = divmod(len(paths), n_inputs)
        if rest:
            raise RuntimeError("--input has {} files, which {} inputs cannot share evenly".format(
                len(paths), n_inputs))
        for path in paths:
            if path.suffix not in _SUFFIXES:
                raise RuntimeError("--input: {} is neither .npy nor .bin".format(path))
        lists = [paths[i * each:(i + 1) * each] for i in range(n_inputs)]
    for files, path in zip(lists, paths):
        if not files:
            raise RuntimeError("--input: {} holds no .npy or .bin file".format(path))
    if len({len(files) for files in lists}) > 1:
        raise RuntimeError("--input: inputs have different numbers of files: {}".format(
            ", ".join(str(len(files)) for files in lists)))
    return lists


def read(file):
    if file.suffix.lower() == ".npy":
        try:
            return np.load(file, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise RuntimeError("{}: {}".format(file, error)) from error
    return np.fromfile(file, np.int8)


def _file_bytes(file):
    return read(file).nbytes if file.suffix.lower() == ".npy" else file.stat().st_size


def combine(lists, descs):
    """Runs, each a list of files for each input: several files fill a batch, and the first pads the
    last batch. Also how many files of a run are real."""
    counts = set()
    for files, desc in zip(lists, descs):
        size = _file_bytes(files[0])
        if size == 0 or desc.realsize % size:
            raise RuntimeError("{} has {} bytes; input '{}' takes {} or an even part".format(
                files[0], size, desc.name, desc.realsize))
        counts.add(desc.realsize // size)
    if len(counts) > 1:
        raise RuntimeError("inputs disagree on how many files make a run: {}".format(
            ", ".join(map(str, sorted(counts)))))
    count = counts.pop()
    runs = []
    for start in range(0, len(lists[0]), count):
        run = [files[start:start + count] for files in lists]
        n_real = len(run[0])
        runs.append(([part + files[:1] * (count - n_real)
                      for part, files in zip(run, lists)], n_real))
    return runs


def join(files, desc):
    """One input's array out of its files."""
    content = b"".join(read(file).tobytes() for file in files)
    if len(content) != desc.realsize:
        raise RuntimeError("{} have {} bytes together; input '{}' takes {}".format(
            ", ".join(map(str, files)), len(content), desc.name, desc.realsize))
    return np.frombuffer(content, desc.datatype.name).reshape(desc.shape)


def make_up(desc, kind):
    """An input of zeros or of random bytes."""
    content = np.zeros(desc.realsize, np.uint8) if kind == "zero" \
        else np.random.default_rng().integers(0, 256, desc.realsize, np.uint8)
    return content.view(desc.datatype.name).reshape(desc.shape)


def save(array, path, form):
    """One output; the file's whole name is returned."""
    path = path.with_name("{}.{}".format(path.name, form.lower()))
    if form == "NPY":
        np.save(path, array)
    elif form == "BIN":
        array.tofile(path)
    else:
        rows = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
        np.savetxt(path, rows, fmt="%f" if array.dtype.kind == "f" else "%d")
    return path


def split(array, n_files, n_real, axis):
    """A run's output for each of its real files."""
    if n_files == 1:
        return [array]
    if axis >= array.ndim or array.shape[axis] % n_files:
        raise RuntimeError("an output of shape {} cannot be split in {} along axis {}: see "
                           "--output_batchsize_axis".format(array.shape, n_files, axis))
    return np.split(array, n_files, axis)[:n_real]


def _alternatives(dim):
    """"8" -> [8]; "8-16" -> [8, 16]; "8~10" -> [8, 9, 10]; "8~16~4" -> [8, 12, 16]."""
    if "~" in dim:
        first, last, *step = [int(n) for n in dim.split("~")]
        return list(range(first, last + 1, *step))
    return [int(n) for n in dim.split("-")]


def shape_range(text):
    """All shapes, as texts for --dymShape, that a --dymShape_range or its file allows."""
    path = pathlib.Path(text)
    ranges = path.read_text().split() if path.is_file() else [text]
    shapes = []
    for line in ranges:
        inputs = []
        for part in filter(None, line.split(";")):
            name, colon, dims = part.rpartition(":")
            try:
                choices = [_alternatives(dim) for dim in dims.split(",")]
            except (ValueError, TypeError):
                choices = [[]]
            if not colon or not math.prod(map(len, choices)):
                raise RuntimeError("--dymShape_range: '{}' is not of the form name:d,d~d,d-d"
                                   .format(part))
            inputs.append(["{}:{}".format(name, ",".join(map(str, dims)))
                           for dims in itertools.product(*choices)])
        shapes += [";".join(choice) for choice in itertools.product(*inputs)]
    return shapes
