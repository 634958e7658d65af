# SPDX-License-Identifier: Apache-2.0
"""The part of test_pyacl_calls.py on acl.blas and the compiling of operators."""
import json

import numpy as np
import pytest

N, T, HIGH = 0, 1, 0
UNSUPPORTED = 200006
FLOAT, HALF, INT8, INT32, ND = 0, 1, 2, 3, 2
RETURNS = """
blas.gemm_ex i | blas.hgemm i | blas.s8gemm i | blas.gemv_ex i | blas.hgemv i | blas.s8gemv i
blas.create_handle_for_gemm_ex ii | blas.create_handle_for_hgemm ii
blas.create_handle_for_s8gemm ii | blas.create_handle_for_gemv_ex ii
blas.create_handle_for_hgemv ii | blas.create_handle_for_s8gemv ii
set_compileopt i | get_compileopt si | get_compileopt_size i | create_graph_dump_opt i
destroy_graph_dump_opt i | gen_graph_and_dump_for_op i
op.compile i | op.compile_and_execute i | op.compile_and_execute_v2 i | op.set_compile_flag i
op.create_kernel i | op.register_compile_func i | op.unregister_compile_func i
op.set_kernel_args i | op.set_kernel_workspace_sizes i | op.update_params i
op.start_dump_args i | op.stop_dump_args i | op.set_attr_list_list_int i
"""


def products(call):
    """Products of 2 x 3 and 3 x 4, and of 2 x 3 and a vector, beside NumPy's."""
    def ptr(array):
        return call("util.numpy_to_ptr", array)

    rng = np.random.default_rng(0)
    for kind, factor, result, data in (("h", np.float16, np.float16, (HALF, HALF)),
                                       ("s8", np.int8, np.int32, (INT8, INT32)),
                                       ("", np.float16, np.float32, (HALF, FLOAT))):
        a, b, x = (rng.integers(-4, 4, s).astype(factor) for s in ((2, 3), (3, 4), 3))
        c, y = (rng.integers(-4, 4, s).astype(result) for s in ((2, 4), 2))
        of_factors = np.int32 if kind == "s8" else np.float32
        alpha, beta = (np.array([v], np.float16 if kind == "h" else of_factors) for v in (2, 3))
        wanted = 2 * (a.astype(result) @ b.astype(result)) + 3 * c
        wanted_y = 2 * (a.astype(result) @ x.astype(result)) + 3 * y
        given = [(ptr(a), -1), (ptr(b), -1), (ptr(c), -1), (ptr(x), 1), (ptr(y), 1)]
        (pa, la), (pb, lb), (pc, lc), (px, ix), (py, iy) = given
        types = () if kind else (data[0], data[0], data[1])
        fa, fb, fc = ((t,) for t in types) if types else ((),) * 3
        gemm = "blas.gemm_ex" if types else f"blas.{kind}gemm"
        gemv = "blas.gemv_ex" if types else f"blas.{kind}gemv"
        call(gemm, N, N, N, 2, 4, 3, ptr(alpha), pa, la, *fa, pb, lb, *fb, ptr(beta), pc, lc, *fc,
             HIGH, 0)
        call(gemv, N, 2, 3, ptr(alpha), pa, la, *fa, px, ix, *fb, ptr(beta), py, iy, *fc, HIGH, 0)
        call("rt.synchronize_stream", 0)
        assert np.array_equal(c, wanted) and np.array_equal(y, wanted_y)
        call(gemm, 9, N, N, 2, 4, 3, ptr(alpha), pa, la, *fa, pb, lb, *fb, ptr(beta), pc, lc, *fc,
             HIGH, 0, fails=True)
        for name, shape in ((gemm, (N, N, N, 2, 4, 3)), (gemv, (N, 2, 3))):
            name = name.replace("blas.", "blas.create_handle_for_")
            handle = call(name, *shape, *types, HIGH)
            if "gemm" in name:
                c[:] = np.arange(8).reshape(2, 4)
                again = 2 * (a.astype(result) @ b.astype(result)) + 3 * c
                buffers = [call("create_data_buffer", ptr(v), v.nbytes)
                           for v in (a, b, c, alpha, beta, c)]
                call("op.execute_with_handle", handle, buffers[:5], buffers[5:], 0)
                call("rt.synchronize_stream", 0)
                assert np.array_equal(c, again)
                for buffer in buffers:
                    call("destroy_data_buffer", buffer)
            call("op.destroy_handle", handle)
            call(name, *shape[:-1], 0, *types, HIGH, fails=True)


def compiling(call, folder):
    x, y = np.float32([-1, 2]), np.zeros(2, np.float32)
    desc = call("create_tensor_desc", FLOAT, [2], ND)
    buffers = [call("create_data_buffer", call("util.numpy_to_ptr", a), 8) for a in (x, y)]
    ends = [[desc], [buffers[0]], [desc], [buffers[1]]]
    counted = [1, *ends[:2], 1, *ends[2:]]
    call("op.set_compile_flag", 1)
    call("op.set_compile_flag", 7, fails=True)
    call("op.compile", "Neg", ends[0], ends[2], 0, 0, 0, None)
    call("op.compile", "Neg", 1, ends[0], 1, ends[2], 0, 0, 0, "")
    call("op.compile", "Nothing", ends[0], ends[2], 0, 0, 0, None, fails=True)
    with pytest.raises(ValueError):
        call("op.compile", "Neg", 2, ends[0], 1, ends[2], 0, 0, 0, "")
    for version in ("", "_v2"):
        for lists in (ends, counted):
            y[:] = 0
            call(f"op.compile_and_execute{version}", "Neg", *lists, 0, 0, 0, None, 0)
            call("rt.synchronize_stream", 0)
            assert y.tolist() == [1, -2]
        call(f"op.compile_and_execute{version}", "Neg", *ends, 0, 9, 0, None, 0, fails=True)

    assert call("get_compileopt_size", 0) == 0
    call("set_compileopt", 0, "allow_mix_precision")
    assert call("get_compileopt_size", 0) == len("allow_mix_precision") + 1
    assert call("get_compileopt", 0) == "allow_mix_precision"
    assert call("get_compileopt", 0, 40) == "allow_mix_precision"
    assert call("get_compileopt", 0, 2 ** 64 - 1) == "allow_mix_precision"
    assert call("get_compileopt", 0, 4, fails=True) == ""
    call("set_compileopt", 99, "x", fails=True)

    option = call("create_graph_dump_opt")
    for lists, graph_option in ((ends, option), (counted, 0)):
        call("gen_graph_and_dump_for_op", "Neg", *lists, 0, 0, str(folder / "neg.txt"),
             graph_option)
        assert "Neg" in (folder / "neg.txt").read_text()
    call("gen_graph_and_dump_for_op", "Neg", *ends, 0, 0, str(folder / "no" / "x"), 0, fails=True)
    call("destroy_graph_dump_opt", option)
    call("destroy_graph_dump_opt", option, fails=True)

    attr = call("op.create_attr")
    lists = [[1, 2], [], [3]]
    call("op.set_attr_list_list_int", attr, "many", lists)
    call("op.set_attr_list_list_int", attr, "many", 3, [2, 0, 1], lists)
    call("op.set_attr_list_list_int", attr, "", lists, fails=True)
    for wrong in ((2, [2, 0, 1]), (3, [2, 0, 2]), (3, [2, 0])):
        with pytest.raises(ValueError):
            call("op.set_attr_list_list_int", attr, "many", *wrong, lists)
    with pytest.raises(TypeError):
        call("op.set_attr_list_list_int", attr, "many", [1, 2])
    call("op.destroy_attr", attr)

    for name, *arguments in (
            ("create_kernel", "Neg", "id", "name", buffers[0], 8, 0, 0),
            ("register_compile_func", "Neg", print), ("unregister_compile_func", "Neg"),
            ("set_kernel_args", 0, "id", 1, 0, 0), ("set_kernel_workspace_sizes", 0, 1, [8]),
            ("update_params", "Neg", ends[0], ends[2], 0),
            ("update_params", "Neg", 1, ends[0], 1, ends[2], 0)):
        assert call("op." + name, *arguments, fails=True) == UNSUPPORTED
        assert "machine code" in call("get_recent_err_msg")

    noted = folder / "noted"
    call("op.stop_dump_args", 1, fails=True)
    call("op.start_dump_args", 1, str(noted))
    call("op.execute_v2", "Neg", *ends, 0, 0)
    call("op.stop_dump_args", 1)
    assert json.loads((noted / "0_Neg.json").read_text())[0]["op"] == "Neg"
    call("rt.synchronize_stream", 0)
    call("destroy_tensor_desc", desc)
    for buffer in buffers:
        call("destroy_data_buffer", buffer)
