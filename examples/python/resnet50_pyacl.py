#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Classifies photos with a 224x224 ImageNet network through pyACL.

usage: resnet50_pyacl.py MODEL.om PHOTO... [--labels FILE]

The calls stand in the order every AscendCL program has: start, load, describe, prepare buffers,
copy in, run, read out, and everything given back. FILE has one class name a line. Needs NumPy and
Pillow.
"""
import argparse
import struct

import acl
import numpy as np
from PIL import Image

MALLOC_HUGE_FIRST = 0
DEVICE_TO_DEVICE = 3
NPY_BYTE = 1
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def check(ret, what):
    if ret != 0:
        raise SystemExit(f"{what} failed with {ret}: {acl.get_recent_err_msg()}")


def transfer_pic(path):
    """A photo as ImageNet networks want it: short side 256, centre 224, NCHW, normalised."""
    with Image.open(path) as image:
        image = image.convert("RGB")
        scale = 256 / min(image.size)
        image = image.resize([round(side * scale) for side in image.size], Image.BILINEAR)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)
    pixels = (pixels / 255 - MEAN) / STD
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis], np.float32)


class Network:
    def __init__(self, path):
        check(acl.init(), "acl.init")
        check(acl.rt.set_device(0), "acl.rt.set_device")
        self.context, ret = acl.rt.create_context(0)
        check(ret, "acl.rt.create_context")
        self.model_id, ret = acl.mdl.load_from_file(path)
        check(ret, "acl.mdl.load_from_file")
        self.desc = acl.mdl.create_desc()
        check(acl.mdl.get_desc(self.desc, self.model_id), "acl.mdl.get_desc")
        self.inputs, self.input_data = self.make_dataset(
            acl.mdl.get_num_inputs(self.desc), acl.mdl.get_input_size_by_index)
        self.outputs, self.output_data = self.make_dataset(
            acl.mdl.get_num_outputs(self.desc), acl.mdl.get_output_size_by_index)

    def make_dataset(self, count, size_by_index):
        """A dataset with a buffer of device memory for each input or output, and [(ptr, size)]."""
        dataset, data = acl.mdl.create_dataset(), []
        for i in range(count):
            size = size_by_index(self.desc, i)
            ptr, ret = acl.rt.malloc(size, MALLOC_HUGE_FIRST)
            check(ret, "acl.rt.malloc")
            buffer = acl.create_data_buffer(ptr, size)
            _, ret = acl.mdl.add_dataset_buffer(dataset, buffer)
            check(ret, "acl.mdl.add_dataset_buffer")
            data.append((ptr, size))
        return dataset, data

    def run(self, array):
        """The first output of the network, as a tuple of floats."""
        ptr, size = self.input_data[0]
        check(acl.rt.memcpy(ptr, size, acl.util.numpy_to_ptr(array), size, DEVICE_TO_DEVICE),
              "acl.rt.memcpy")
        check(acl.mdl.execute(self.model_id, self.inputs, self.outputs), "acl.mdl.execute")
        ptr, size = self.output_data[0]
        if size != 4000:
            raise SystemExit(f"the first output has {size} bytes; 1000 classes in float32 have 4000")
        content = bytearray(acl.util.ptr_to_numpy(ptr, (size,), NPY_BYTE))
        return struct.unpack("1000f", content)

    def release(self):
        for dataset, data in ((self.inputs, self.input_data), (self.outputs, self.output_data)):
            for ptr, _ in data:
                check(acl.rt.free(ptr), "acl.rt.free")
            for i in range(acl.mdl.get_dataset_num_buffers(dataset)):
                buffer = acl.mdl.get_dataset_buffer(dataset, i)
                check(acl.destroy_data_buffer(buffer), "acl.destroy_data_buffer")
            check(acl.mdl.destroy_dataset(dataset), "acl.mdl.destroy_dataset")
        check(acl.mdl.unload(self.model_id), "acl.mdl.unload")
        check(acl.mdl.destroy_desc(self.desc), "acl.mdl.destroy_desc")
        check(acl.rt.destroy_context(self.context), "acl.rt.destroy_context")
        check(acl.rt.reset_device(0), "acl.rt.reset_device")
        check(acl.finalize(), "acl.finalize")


def main():
    parser = argparse.ArgumentParser(description="Classify photos through pyACL.")
    parser.add_argument("model", help="an .om file")
    parser.add_argument("photo", nargs="+")
    parser.add_argument("--labels", help="class names, one a line")
    args = parser.parse_args()
    labels = []
    if args.labels:
        with open(args.labels, encoding="utf-8") as file:
            labels = file.read().splitlines()

    network = Network(args.model)
    for photo in args.photo:
        values = network.run(transfer_pic(photo))
        print(photo)
        for index in sorted(range(len(values)), key=values.__getitem__, reverse=True)[:5]:
            name = labels[index] if index < len(labels) else ""
            print(f"  {index:4d} {values[index]:9.5f}  {name}".rstrip())
    network.release()


if __name__ == "__main__":
    main()
