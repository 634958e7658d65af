# SPDX-License-Identifier: Apache-2.0
"""The parameter block of dynamic AIPP lies as the facts say, field for field: what fills and what
reads it here would agree on any other layout too, a program that fills it by hand would not."""
import csv

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("onnx")
from test_aipp import Model, acl, convert, device, dynamic_config, save  # noqa: E402,F401

pytestmark = pytest.mark.in_process
TYPES = {"int8_t": np.int8, "uint8_t": np.uint8, "int16_t": np.int16, "uint16_t": np.uint16,
         "int32_t": np.int32}


@pytest.fixture(scope="module")
def layout(data_dir):
    """{struct: {field: (offset, type)}}, and the sizes of the structs."""
    fields, sizes = {}, {}
    with open(data_dir / "facts" / "acl_enums.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if "dynamic_aipp.h" not in row["header"]:
                continue
            owner, name, kind = (row["enum_or_type"], row["constant_or_field"],
                                 row["value_or_ctype"])
            if row["kind"] == "struct":
                sizes[owner] = int(row["size"])
            elif kind in TYPES:
                fields.setdefault(owner, {})[name] = int(row["offset"]), TYPES[kind]
    return fields, sizes


def test_layout(device, atc, tmp_path, layout):  # noqa: F811
    fields, sizes = layout
    head, picture = fields["kAippDynamicPara"], fields["kAippDynamicBatchPara"]
    model = save(tmp_path / "m.onnx", {"data": [2, 3, 40, 36]})
    status, said, om = convert(atc, model, dynamic_config(100000))
    assert status == 0, said
    m, mdl = Model(device, om), device.mdl
    aipp = mdl.create_aipp(2)
    want = {"inputFormat": 2, "srcImageSizeW": 50, "srcImageSizeH": 60, "rbuvSwapSwitch": 1,
            "axSwapSwitch": 1, "cscSwitch": 1, "batchNum": 2}
    matrix = {f"cscMatrixR{i // 3}C{i % 3}": 100 + i * (-1) ** i for i in range(9)}
    bias = {f"csc{side}BiasR{i}": 10 * n + i for n, side in enumerate(("Output", "Input"), 1)
            for i in range(3)}
    assert mdl.set_aipp_input_format(aipp, 2) == 0  # XRGB8888
    assert mdl.set_aipp_src_image_size(aipp, 50, 60) == 0
    assert mdl.set_aipp_rbuv_swap_switch(aipp, 1) == 0
    assert mdl.set_aipp_ax_swap_switch(aipp, 1) == 0
    assert mdl.set_aipp_csc_params(aipp, 1, *matrix.values(), *bias.values()) == 0
    pictures = []
    for i in range(2):
        sizes_of = {"cropSwitch": 1, "cropStartPosW": 2 + i, "cropStartPosH": 4 + i,
                    "cropSizeW": 20, "cropSizeH": 22, "scfSwitch": 1, "scfInputSizeW": 20,
                    "scfInputSizeH": 22, "scfOutputSizeW": 31 - i, "scfOutputSizeH": 30 + i,
                    "paddingSwitch": 1, "paddingSizeTop": 4, "paddingSizeBottom": 6 - i,
                    "paddingSizeLeft": 2 + i, "paddingSizeRight": 3}
        mean, least, scale = ([base + i * 4 + k for k in range(4)] for base in (1, 21, 41))
        v = list(sizes_of.values())
        assert mdl.set_aipp_crop_params(aipp, *v[:5], i) == 0
        assert mdl.set_aipp_scf_params(aipp, *v[5:10], i) == 0
        assert mdl.set_aipp_padding_params(aipp, *v[10:], i) == 0
        assert mdl.set_aipp_dtc_pixel_mean(aipp, *mean, i) == 0
        assert mdl.set_aipp_dtc_pixel_min(aipp, *map(float, least), i) == 0
        assert mdl.set_aipp_pixel_var_reci(aipp, *map(float, scale), i) == 0
        halves = np.float16([*least, *scale]).view(np.uint16).tolist()
        pictures.append({"rotateSwitch": 0} | sizes_of | {
            f"dtcPixel{name}Chn{k}": value for name, values in
            (("Mean", mean), ("Min", halves[:4]), ("VarReci", halves[4:]))
            for k, value in enumerate(values)})

    block = np.full(64 + 2 * 96, 0xEE, np.uint8)
    data = np.zeros(100000, np.uint8)
    dataset = m.dataset([data, block])
    assert mdl.set_input_aipp(m.id, dataset, 1, aipp) == 0, device.get_recent_err_msg()

    def read(at, fields):
        return {name: int(np.frombuffer(block, kind, 1, at + offset)[0])
                for name, (offset, kind) in fields.items()}

    assert sizes == {"kAippDynamicPara": 160, "kAippDynamicBatchPara": 96}
    assert read(0, head) == want | matrix | bias
    for i in range(2):
        assert read(64 + 96 * i, picture) == pictures[i]
    m.free(dataset)
    assert mdl.destroy_aipp(aipp) == 0
    m.close()
