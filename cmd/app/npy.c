/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's .npy format, versions 1 to 3, C order. Source: numpy.lib.format's description. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npy.h"

static const struct {
    aclDataType type;
    const char *code, *name;
    size_t bytes;
} types[] = {
    {ACL_FLOAT, "f4", "float32", 4},  {ACL_FLOAT16, "f2", "float16", 2},
    {ACL_DOUBLE, "f8", "float64", 8}, {ACL_INT8, "i1", "int8", 1},
    {ACL_UINT8, "u1", "uint8", 1},    {ACL_INT16, "i2", "int16", 2},
    {ACL_UINT16, "u2", "uint16", 2},  {ACL_INT32, "i4", "int32", 4},
    {ACL_UINT32, "u4", "uint32", 4},  {ACL_INT64, "i8", "int64", 8},
    {ACL_UINT64, "u8", "uint64", 8},  {ACL_BOOL, "b1", "bool", 1},
};
enum { N_TYPES = sizeof types / sizeof types[0], MAX_HEADER = 65536 };

const char *npy_type_name(aclDataType t) {
    for (int i = 0; i < N_TYPES; i++)
        if (types[i].type == t) return types[i].name;
    return NULL;
}

#define NPY_FAIL(...)                                                                              \
    do {                                                                                           \
        snprintf(error, 512, __VA_ARGS__);                                                         \
        return -1;                                                                                 \
    } while (0)

/* The value behind 'key': in the header's dictionary; NULL if it is not there. */
static const char *find(const char *header, const char *key) {
    const char *at = strstr(header, key);
    if (!at) return NULL;
    at += strlen(key);
    while (*at == ' ' || *at == ':') at++;
    return at;
}

static int parse_header(const char *path, const char *header, struct npy *out,
                        char error[static 512]) {
    const char *descr = find(header, "'descr'"), *order = find(header, "'fortran_order'"),
               *shape = find(header, "'shape'");
    if (!descr || !*descr || !order || !shape || *shape != '(')
        NPY_FAIL("%s: its header is damaged", path);
    if (strncmp(order, "False", 5))
        NPY_FAIL("%s is in Fortran order; save it with numpy.ascontiguousarray", path);
    int found = -1;
    for (int i = 0; i < N_TYPES; i++)
        if ((descr[1] == '<' || descr[1] == '|' || descr[1] == '=') &&
            !strncmp(descr + 2, types[i].code, 2))
            found = i;
    if (found < 0) NPY_FAIL("%s: element type %.8s is not supported", path, descr);
    out->type = types[found].type;
    size_t bytes = types[found].bytes;
    for (shape++; *shape && *shape != ')';) {
        char *end;
        long long d = strtoll(shape, &end, 10);
        if (end == shape || d < 0 || out->rank == 16) NPY_FAIL("%s: its shape is damaged", path);
        out->dim[out->rank++] = d;
        if (d && bytes > SIZE_MAX / 4 / (size_t)d) NPY_FAIL("%s is too large", path);
        bytes *= (size_t)d;
        for (shape = end; *shape == ',' || *shape == ' ' || *shape == 'L';) shape++;
    }
    out->bytes = bytes;
    return 0;
}

static int read_all(FILE *f, const char *path, struct npy *out, char error[static 512]) {
    unsigned char magic[12];
    if (fread(magic, 1, 10, f) != 10 || memcmp(magic, "\x93NUMPY", 6))
        NPY_FAIL("%s is not a .npy file", path);
    size_t n = magic[8] | (size_t)magic[9] << 8;
    if (magic[6] >= 2) {
        if (fread(magic + 10, 1, 2, f) != 2) NPY_FAIL("%s ends in its header", path);
        n |= (size_t)magic[10] << 16 | (size_t)magic[11] << 24;
    }
    if (n > MAX_HEADER) NPY_FAIL("%s: its header is too long", path);
    char *header = malloc(n + 1);
    if (!header) NPY_FAIL("%s: out of memory", path);
    size_t got = fread(header, 1, n, f);
    header[got] = '\0';
    int bad = got != n;
    if (bad) snprintf(error, 512, "%s ends in its header", path);
    else bad = parse_header(path, header, out, error);
    free(header);
    if (bad) return -1;
    /* The file must really hold what the shape claims before memory is taken for it. */
    long here = ftell(f);
    if (fseek(f, 0, SEEK_END)) NPY_FAIL("%s cannot be read", path);
    long end = ftell(f);
    if (here < 0 || end < here || (size_t)(end - here) < out->bytes)
        NPY_FAIL("%s has %ld bytes of data; its shape needs %zu", path, end - here, out->bytes);
    fseek(f, here, SEEK_SET);
    out->data = malloc(out->bytes ? out->bytes : 1);
    if (!out->data) NPY_FAIL("%s: out of memory for %zu bytes", path, out->bytes);
    if (fread(out->data, 1, out->bytes, f) != out->bytes) {
        free(out->data);
        out->data = NULL;
        NPY_FAIL("%s cannot be read to its end", path);
    }
    return 0;
}

int npy_read(const char *path, struct npy *out, char error[static 512]) {
    memset(out, 0, sizeof *out);
    FILE *f = fopen(path, "rb");
    if (!f) NPY_FAIL("%s cannot be opened", path);
    int result = read_all(f, path, out, error);
    fclose(f);
    return result;
}

int npy_write(const char *path, const struct npy *array, char error[static 512]) {
    char shape[512], header[1024];
    const char *code = NULL;
    size_t at = 0;
    for (int i = 0; i < N_TYPES; i++)
        if (types[i].type == array->type) code = types[i].code;
    if (!code) NPY_FAIL("%s: NumPy has no such element type", path);
    shape[0] = '\0';
    for (int d = 0; d < array->rank; d++)
        at += (size_t)snprintf(shape + at, sizeof shape - at, "%" PRId64 "%s", array->dim[d],
                               array->rank == 1 ? "," : d + 1 < array->rank ? ", " : "");
    int n = snprintf(header, sizeof header,
                     "{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }",
                     code[1] == '1' ? "|" : "<", code, shape);
    /* Magic, version, length and header end at a multiple of 64, the last byte a newline. */
    int padded = (10 + n + 1 + 63) / 64 * 64 - 10;
    memset(header + n, ' ', (size_t)(padded - n));
    header[padded - 1] = '\n';
    FILE *f = fopen(path, "wb");
    if (!f) NPY_FAIL("%s cannot be written", path);
    unsigned char magic[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)padded,
                               (unsigned char)(padded >> 8)};
    int ok = fwrite(magic, 1, 10, f) == 10 &&
             fwrite(header, 1, (size_t)padded, f) == (size_t)padded &&
             fwrite(array->data, 1, array->bytes, f) == array->bytes;
    if (fclose(f) || !ok) NPY_FAIL("%s cannot be written; is the disk full?", path);
    return 0;
}
