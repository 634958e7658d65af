/* SPDX-License-Identifier: Apache-2.0 */
/* TensorProto: element types, encodings, sizes that lie, and external data that wants out. */
#include "../check.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "import/import.h"
#include "onnx_writer.h"

/* ---- encodings ---- */

static const struct {
    int type;
    enum dtype dtype;
    int field; /* of the typed list */
} types[] = {
    {1, DT_F32, 4},  {2, DT_U8, 5},   {3, DT_I8, 5},   {4, DT_U16, 5},   {5, DT_I16, 5},
    {6, DT_I32, 5},  {7, DT_I64, 7},  {9, DT_BOOL, 5}, {10, DT_F16, 5},  {11, DT_F64, 10},
    {12, DT_U32, 11}, {13, DT_U64, 11}, {16, DT_BF16, 5},
};

static void check_tensor(const struct bytes *t, enum dtype dtype, const void *want, size_t n_want) {
    enum dtype got;
    struct shape shape;
    void *data;
    size_t n;
    assert_ok(import_onnx_tensor(t->p, t->n, &got, &shape, &data, &n));
    assert_int_equal(got, dtype);
    assert_int_equal(shape.rank, 1);
    assert_int_equal(n, n_want);
    assert_memory_equal(data, want, n_want);
    mem_free(data);
}

static void every_type_in_every_encoding(void **state) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        /* The values 1 and 0 (or bits of them) as elements; lists packed and one by one. */
        size_t size = dtype_size(types[i].dtype);
        uint8_t raw[16] = {0};
        raw[0] = 1;
        if (types[i].dtype == DT_F32) memcpy(raw, &(float){1.5f}, 4);
        if (types[i].dtype == DT_F64) memcpy(raw, &(double){1.5}, 8);
        struct bytes t = w_tensor(NULL, types[i].type, 1, (int64_t[]){2}, raw, 2 * size);
        check_tensor(&t, types[i].dtype, raw, 2 * size);
        free(t.p);
        for (int packed = 0; packed < 2; packed++) {
            struct bytes list = {0};
            t = w_tensor(NULL, types[i].type, 1, (int64_t[]){2}, NULL, 0);
            for (int k = 0; k < 2; k++) {
                bool wide = types[i].field == 10, word = types[i].field == 4;
                struct bytes *to = packed ? &list : &t;
                if (!packed)
                    w_varint(&t, (uint64_t)types[i].field << 3 | (wide ? 1 : word ? 5 : 0));
                if (wide || word) w_raw(to, raw + (size_t)k * size, size);
                else w_varint(to, raw[(size_t)k * size]);
            }
            if (packed) w_message(&t, types[i].field, list);
            check_tensor(&t, types[i].dtype, raw, 2 * size);
            free(t.p);
        }
    }
}

static void signs_and_truth_survive(void **state) {
    struct bytes t = w_tensor(NULL, 3, 1, (int64_t[]){2}, NULL, 0);
    w_int(&t, 5, -128);
    w_int(&t, 5, 127);
    check_tensor(&t, DT_I8, (int8_t[]){-128, 127}, 2);
    free(t.p);
    t = w_tensor(NULL, 9, 1, (int64_t[]){3}, "\x02\x00\xff", 3);
    check_tensor(&t, DT_BOOL, "\1\0\1", 3);
    free(t.p);
    t = w_tensor(NULL, 1, 1, (int64_t[]){0}, NULL, 0);
    check_tensor(&t, DT_F32, "", 0);
    free(t.p);
}

static void sizes_that_lie_are_refused(void **state) {
    enum dtype dtype;
    struct shape shape;
    void *data;
    size_t n;
    struct {
        int64_t dims[9];
        int n_dims, type;
        size_t raw;
        enum status status;
        const char *says;
    } cases[] = {
        {{3}, 1, 1, 8, STATUS_FORMAT, "8 bytes"},
        {{2}, 1, 1, 12, STATUS_FORMAT, "12 bytes"},
        {{-1}, 1, 1, 8, STATUS_FORMAT, "dimension -1"},
        {{INT64_MAX, 2}, 2, 1, 8, STATUS_LIMIT, "overflows"},
        {{INT64_MAX / 4, 2}, 2, 7, 8, STATUS_LIMIT, "overflows"},
        {{1, 1, 1, 1, 1, 1, 1, 1, 1}, 9, 1, 4, STATUS_LIMIT, "9 dimensions"},
        {{1}, 1, 8, 4, STATUS_UNSUPPORTED, "STRING"},
        {{1}, 1, 14, 8, STATUS_UNSUPPORTED, "COMPLEX64"},
        {{1}, 1, 77, 8, STATUS_UNSUPPORTED, "77"},
        {{1}, 1, -5, 8, STATUS_UNSUPPORTED, "-5"},
        {{1000000000000}, 1, 1, 0, STATUS_FORMAT, "0 elements"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes t = w_tensor("odd", cases[i].type, cases[i].n_dims, cases[i].dims,
                                  cases[i].raw ? "abcdefghijklmnop" : NULL, cases[i].raw);
        assert_fails(import_onnx_tensor(t.p, t.n, &dtype, &shape, &data, &n), cases[i].status,
                     cases[i].says);
        free(t.p);
    }
}

/* ---- external data ---- */

static char folder[PATH_MAX];

static void write_file(const char *name, const void *p, size_t n) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static enum status import_external(const char *location, const char *offset, const char *length,
                                   struct graph **g) {
    struct bytes b = {0}, t = w_tensor("w", 1, 1, (int64_t[]){2}, NULL, 0);
    w_int(&t, 14, 1);
    w_external(&t, "location", location);
    if (offset) w_external(&t, "offset", offset);
    if (length) w_external(&t, "length", length);
    w_message(&b, GRAPH_INPUT, w_value_info("x", 1, 1, 2));
    w_message(&b, GRAPH_INITIALIZER, t);
    w_message(&b, GRAPH_NODE, w_node("Add", "add", "x w", "y", 0));
    w_message(&b, GRAPH_OUTPUT, w_value_info("y", 1, 1, 2));
    struct bytes m = w_model(b, 13);
    write_file("model/m.onnx", m.p, m.n);
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/model/m.onnx", folder);
    enum status s = import_onnx_file(path, NULL, g);
    struct graph *from_memory;
    if (s == STATUS_OK)
        assert_fails(import_onnx_memory(m.p, m.n, true, NULL, &from_memory), STATUS_UNSUPPORTED,
                     "external");
    free(m.p);
    return s;
}

static void external_data_stays_in_its_folder(void **state) {
    struct graph *g;
    float w[4] = {1, 2, 3, 4};
    char absolute[PATH_MAX + 64], target[PATH_MAX + 64];
    write_file("model/w.bin", w, sizeof w);
    write_file("model/sub/w.bin", w, sizeof w);
    write_file("secret.bin", w, sizeof w);
    assert_ok(import_external("w.bin", "8", "8", &g));
    assert_memory_equal(g->tensors[graph_find_tensor(g, "w")].data, w + 2, 8);
    graph_destroy(g);
    assert_ok(import_external("./sub//w.bin", NULL, NULL, &g));
    assert_memory_equal(g->tensors[graph_find_tensor(g, "w")].data, w, 8);
    graph_destroy(g);

    assert_fails(import_external("../secret.bin", NULL, NULL, &g), STATUS_FORMAT, "leave");
    assert_fails(import_external("sub/../../secret.bin", NULL, NULL, &g), STATUS_FORMAT, "leave");
    snprintf(absolute, sizeof absolute, "%s/secret.bin", folder);
    assert_fails(import_external(absolute, NULL, NULL, &g), STATUS_FORMAT, "absolute");
    snprintf(target, sizeof target, "%s/model/link.bin", folder);
    assert_int_equal(symlink("../secret.bin", target), 0);
    assert_fails(import_external("link.bin", NULL, NULL, &g), STATUS_FILE, "symbolic link");
    snprintf(target, sizeof target, "%s/model/up", folder);
    assert_int_equal(symlink("..", target), 0);
    assert_fails(import_external("up/secret.bin", NULL, NULL, &g), STATUS_FILE, "symbolic link");

    assert_fails(import_external("none.bin", NULL, NULL, &g), STATUS_FILE, "none.bin");
    assert_fails(import_external("sub", NULL, NULL, &g), STATUS_FILE, "no plain file");
    assert_fails(import_external(".", NULL, NULL, &g), STATUS_FILE, "no plain file");
    assert_fails(import_external("w.bin", "12", NULL, &g), STATUS_FORMAT, "16 bytes");
    assert_fails(import_external("w.bin", "18446744073709551615", NULL, &g), STATUS_FORMAT,
                 "offset");
    assert_fails(import_external("w.bin", "-8", NULL, &g), STATUS_FORMAT, "offset");
    assert_fails(import_external("w.bin", "0", "4", &g), STATUS_FORMAT, "4 bytes");
    assert_fails(import_external("", NULL, NULL, &g), STATUS_FORMAT, "no location");
}

static int make_folder(void **state) {
    char path[PATH_MAX + 64], name[] = "onnx_external_XXXXXX";
    if (!mkdtemp(name) || !realpath(name, folder)) return -1;
    snprintf(path, sizeof path, "%s/model", folder);
    if (mkdir(path, 0700)) return -1;
    snprintf(path, sizeof path, "%s/model/sub", folder);
    return mkdir(path, 0700);
}

static int remove_folder(void **state) {
    static const char *const names[] = {
        "model/sub/w.bin", "model/sub", "model/w.bin", "model/m.onnx", "model/link.bin",
        "model/up", "model", "secret.bin", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[PATH_MAX + 64];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (remove(path) != 0) return -1;
    }
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_in_every_encoding),
        cmocka_unit_test(signs_and_truth_survive),
        cmocka_unit_test(sizes_that_lie_are_refused),
        cmocka_unit_test_setup_teardown(external_data_stays_in_its_folder, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
