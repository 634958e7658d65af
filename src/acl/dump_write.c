/* SPDX-License-Identifier: Apache-2.0 */
/* Where dumped tensors go: .npy files and tables of figures, or the program's callback. */
#include "acl/dump_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "acl/internal.h"
#include "base/alloc.h"

/* ---- bytes ---- */

enum { CHUNK_BYTES = 1 << 20 };

static bool write_file(const char *path, const struct dump_piece *pieces, int n) {
    FILE *f = fopen(path, "wb");
    bool ok = f != NULL;
    for (int i = 0; i < n && ok; i++)
        ok = fwrite(pieces[i].data, 1, pieces[i].bytes, f) == pieces[i].bytes;
    if (f && fclose(f)) ok = false;
    return ok;
}

static bool call_back(const struct dump_target *to, const char *path,
                      const struct dump_piece *pieces, int n) {
    acldumpChunk *c = to->chunk;
    size_t left = 0, used = 0, at = 0;
    for (int i = 0; i < n; i++) left += pieces[i].bytes;
    snprintf(c->fileName, sizeof c->fileName, "%s", path);
    c->offset = 0;
    c->flag = to->flag;
    for (int i = 0; i < n;) {
        size_t take = pieces[i].bytes - at;
        if (take > CHUNK_BYTES - used) take = CHUNK_BYTES - used;
        memcpy(c->dataBuf + used, (const unsigned char *)pieces[i].data + at, take);
        used += take;
        at += take;
        left -= take;
        if (at == pieces[i].bytes) i++, at = 0;
        if (used < CHUNK_BYTES && i < n) continue;
        c->bufLen = (uint32_t)used;
        c->isLastChunk = left == 0;
        if (to->callback(c, (int32_t)(sizeof *c + used))) {
            errno = ECANCELED;
            return false;
        }
        if (left == 0) break;
        c->offset += (int64_t)used;
        used = 0;
    }
    return true;
}

bool dump_put(const struct dump_target *to, const char *path, const struct dump_piece *pieces,
              int n) {
    return to->callback ? call_back(to, path, pieces, n) : write_file(path, pieces, n);
}

/* What NumPy calls an element type; bf16, which it has not, is widened to f32. */
static const char *const npy_types[DT_COUNT] = {
    [DT_F32] = "<f4", [DT_F16] = "<f2", [DT_BF16] = "<f4", [DT_F64] = "<f8", [DT_I8] = "|i1",
    [DT_U8] = "|u1",  [DT_I16] = "<i2", [DT_U16] = "<u2",  [DT_I32] = "<i4", [DT_U32] = "<u4",
    [DT_I64] = "<i8", [DT_U64] = "<u8", [DT_BOOL] = "|b1",
};

/* The header of a .npy file, version 1.0; its length, a multiple of 64. */
static size_t npy_header(const struct view *v, char to[static 512]) {
    char shape[256];
    int n = 0;
    for (int i = 0; i < v->shape.rank; i++)
        n += snprintf(shape + n, sizeof shape - (size_t)n, "%" PRId64 ",%s", v->shape.dim[i],
                      i + 1 < v->shape.rank ? " " : "");
    shape[n] = '\0';
    memcpy(to, "\x93NUMPY\x01\x00", 8);
    int end = 10 + snprintf(to + 10, 500,
                            "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                            npy_types[v->dtype], shape);
    size_t bytes = ((size_t)end + 1 + 63) / 64 * 64;
    memset(to + end, ' ', bytes - (size_t)end);
    to[bytes - 1] = '\n';
    to[8] = (char)(bytes - 10);
    to[9] = (char)((bytes - 10) >> 8);
    return bytes;
}

bool dump_put_tensor(const struct dump_target *to, const char *path, const struct view *v) {
    char header[512];
    size_t n = (size_t)shape_elements(&v->shape);
    struct dump_piece pieces[2] = {{header, npy_header(v, header)},
                              {v->data, n * dtype_size(v->dtype)}};
    float *wide = NULL;
    if (v->dtype == DT_BF16) {
        if (!(wide = mem_alloc(n * sizeof *wide + 1))) return false;
        for (size_t i = 0; i < n; i++) wide[i] = bf16_to_f32(((const uint16_t *)v->data)[i]);
        pieces[1] = (struct dump_piece){wide, n * sizeof *wide};
    }
    bool ok = dump_put(to, path, pieces, n > 0 ? 2 : 1);
    mem_free(wide);
    return ok;
}

/* ---- statistics ---- */

static double element(const struct view *v, int64_t i) {
    switch (v->dtype) {
    case DT_F32: return ((const float *)v->data)[i];
    case DT_F16: return f16_to_f32(((const uint16_t *)v->data)[i]);
    case DT_BF16: return bf16_to_f32(((const uint16_t *)v->data)[i]);
    case DT_F64: return ((const double *)v->data)[i];
    case DT_I8: return ((const int8_t *)v->data)[i];
    case DT_U8:
    case DT_BOOL: return ((const uint8_t *)v->data)[i];
    case DT_I16: return ((const int16_t *)v->data)[i];
    case DT_U16: return ((const uint16_t *)v->data)[i];
    case DT_I32: return ((const int32_t *)v->data)[i];
    case DT_U32: return ((const uint32_t *)v->data)[i];
    case DT_I64: return (double)((const int64_t *)v->data)[i];
    case DT_U64: return (double)((const uint64_t *)v->data)[i];
    case DT_NONE:
    case DT_COUNT: break;
    }
    return NAN;
}

/* A line of the table; a NaN among the elements makes all four values NaN. */
int dump_statistics_row(bool is_input, int index, const struct view *v,
                        char to[DUMP_ROW_BYTES]) {
    int64_t n = shape_elements(&v->shape);
    double least = n ? INFINITY : NAN, most = -least, sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        double x = element(v, i);
        if (x < least || isnan(x)) least = x;
        if (x > most || isnan(x)) most = x;
        sum += x;
        squares += x * x;
    }
    if (isnan(sum)) least = most = sum;
    char shape[128];
    shape_text(&v->shape, shape);
    for (char *p = shape; *p; p++)
        if (*p == ',') *p = 'x';
    return snprintf(to, DUMP_ROW_BYTES, "%s,%d,%zu,%s,%s,%s,%.9g,%.9g,%.9g,%.9g\n",
                    is_input ? "Input" : "Output", index,
                    (size_t)n * dtype_size(v->dtype), dtype_name(v->dtype),
                    v->shape.rank == 4 ? "NCHW" : "ND", shape, most, least, sum / (double)n,
                    sqrt(squares));
}

/* ---- overflow ---- */

bool dump_is_finite(const struct view *v) {
    if (!dtype_is_float(v->dtype)) return true;
    int64_t n = shape_elements(&v->shape);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(element(v, i))) return false;
    return true;
}

/* ---- the target ---- */

bool dump_target_open(struct dump_target *to, char *path, size_t n_root) {
    pthread_mutex_lock(&runtime.dump_lock);
    *to = (struct dump_target){.callback = runtime.dump_callback, .flag = runtime.dump_flag};
    pthread_mutex_unlock(&runtime.dump_lock);
    if (!to->callback) return dump_make_folders(path, n_root);
    to->chunk = mem_alloc(sizeof *to->chunk + CHUNK_BYTES);
    return to->chunk != NULL;
}

void dump_target_close(struct dump_target *to) {
    mem_free(to->chunk);
    to->chunk = NULL;
}

const char *dump_remedy(const struct dump_target *to) {
    return to->callback ? "the callback has to return 0"
                        : "dump_path has to be a folder that exists and can be written to";
}

/* ---- paths ---- */

/* Makes the folders of `path` behind its first `from` bytes. */
bool dump_make_folders(char *path, size_t from) {
    for (char *p = strchr(path + from, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        bool ok = p == path + from || mkdir(path, 0777) == 0 || errno == EEXIST;
        *p = '/';
        if (!ok) return false;
    }
    return true;
}

/* Microseconds since 1970, which have 16 digits; never the same twice in a run. */
uint64_t dump_time_stamp(uint64_t last) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t now = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
    return now > last ? now : last + 1;
}
