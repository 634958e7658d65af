/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --dynamic_batch_size, --dynamic_image_size, --dynamic_dims and --input_shape_range: read, checked
 * against the model, written down in the form of ir/dynamic.h.
 */
#include "atc_dynamic.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "exec/model.h"
#include "ir/dynamic.h"

#define NO_MEMORY "out of memory while reading the options"
#define RANGE_SAMPLE "\"input1:[1~4,3,224,-1];input2:[1~20]\""

bool atc_has_gears(const struct atc_options *o) {
    return *ATC_OPTION(o, dynamic_batch_size) || *ATC_OPTION(o, dynamic_image_size) ||
           *ATC_OPTION(o, dynamic_dims);
}

/* ---- values ---- */

/* Groups of numbers, "1,2;3,4"; every number at least 1. */
static bool is_profiles(const char *s, bool one_group, int per_group) {
    int n = 0;
    for (;; s++) {
        size_t digits = strspn(s, "0123456789");
        if (!digits || digits > 9 || atol(s) < 1) return false;
        s += digits;
        n++;
        if (*s == ';' || !*s) {
            if (per_group && n != per_group) return false;
            n = 0;
        }
        if (!*s) return true;
        if (*s != ',' && (*s != ';' || one_group)) return false;
    }
}

static int count_char(const char *s, size_t n, char c) {
    int count = 0;
    for (size_t i = 0; i < n; i++) count += s[i] == c;
    return count;
}

static enum status check_count(int n, struct atc_error *e) {
    char text[16];
    snprintf(text, sizeof text, "%d", n);
    if (n < 2) return atc_fail(e, ATC_E10035, text, "2");
    if (n > DYNAMIC_MAX_GEARS) return atc_fail(e, ATC_E10036, text, "100");
    return STATUS_OK;
}

static enum status check_lengths(const char *dims, struct atc_error *e) {
    int first = -1;
    for (const char *c = dims; c;) {
        size_t n = strcspn(c, ";");
        int length = count_char(c, n, ',') + 1;
        if (first < 0) first = length;
        char a[16], b[16];
        snprintf(a, sizeof a, "%d", first);
        snprintf(b, sizeof b, "%d", length);
        if (length != first) return atc_fail(e, ATC_E10037, a, b);
        c = c[n] ? c + n + 1 : NULL;
    }
    return STATUS_OK;
}

enum status atc_check_dynamic(const struct atc_options *o, struct atc_error *e) {
    const char *batch = ATC_OPTION(o, dynamic_batch_size), *format = ATC_OPTION(o, input_format);
    const char *image = ATC_OPTION(o, dynamic_image_size), *dims = ATC_OPTION(o, dynamic_dims);
    const char *range = ATC_OPTION(o, input_shape_range), *shape = ATC_OPTION(o, input_shape);
    if (!!*batch + !!*image + !!*dims + !!*range > 1) return atc_fail(e, ATC_E10009);
    if (*range && *shape) return atc_fail(e, ATC_E10047, "--input_shape_range", "--input_shape");
    if (*batch && !is_profiles(batch, true, 0))
        return atc_fail(e, ATC_E10001, batch, "--dynamic_batch_size",
                        "it must be sizes separated by commas, like \"1,2,4,8\"");
    if (*image && !is_profiles(image, false, 2)) return atc_fail(e, ATC_E10020, image);
    if (*dims && !is_profiles(dims, false, 0))
        return atc_fail(e, ATC_E10001, dims, "--dynamic_dims",
                        "it must be sizes separated by commas and semicolons, like "
                        "\"1,224;8,448\"");
    if (*dims && strcmp(format, "ND"))
        return atc_fail(e, ATC_E10001, format, "--input_format", "--dynamic_dims needs ND");
    if (*image && *format && strcmp(format, "NCHW") && strcmp(format, "NHWC"))
        return atc_fail(e, ATC_E10001, format, "--input_format",
                        "--dynamic_image_size needs NCHW, or NHWC with TensorFlow");
    if (!atc_has_gears(o)) return STATUS_OK;
    if (!strstr(shape, "-1")) return *batch ? atc_fail(e, ATC_E10031) : atc_fail(e, ATC_E10040);
    TRY(check_lengths(dims, e));
    const char *gears = *batch ? batch : *image ? image : dims;
    return check_count(count_char(gears, strlen(gears), *batch ? ',' : ';') + 1, e);
}

/* ---- ranges ---- */

static enum status fail_range(struct atc_error *e, const char *text, const char *reason) {
    return atc_fail(e, ATC_E10048, text, reason, RANGE_SAMPLE);
}

/* One size, "4", "1~4", "1~-1" or "-1", of which only whether it is open matters here; writes it
 * the way ir/dynamic.h has it. Returns what follows, or NULL. */
static const char *read_range(const char *s, FILE *to, int64_t *dim) {
    char *end;
    while (*s == ' ') s++;
    size_t digits = strspn(s, "0123456789");
    if (digits > 9) return NULL;
    long low = digits ? strtol(s, &end, 10) : 1;
    *dim = digits ? low : -1;
    s += digits;
    bool open = !digits;
    if (open || *s == '~') {
        *dim = -1;
        s += !open;
        fprintf(to, "%ld~", low);
        digits = strspn(s, "0123456789");
        if (digits > 9 || (open && strncmp(s, "-1", 2))) return NULL;
        if (digits) fprintf(to, "%.*s", (int)digits, s);
        else if (strncmp(s, "-1", 2)) return NULL;
        s += digits ? digits : 2;
    } else {
        fprintf(to, "%ld", low);
    }
    while (*s == ' ') s++;
    return s;
}

/* "1~4,3,-1" as a shape; what it says is written to `to`. */
static enum status read_shape(const char *s, const char *whole, FILE *to, struct shape *out,
                              struct atc_error *e) {
    *out = (struct shape){.rank = 0};
    while (*s && *s != ']') {
        if (out->rank == SHAPE_MAX_RANK)
            return fail_range(e, whole, "an input has more than 8 sizes");
        if (out->rank) fputc(',', to);
        s = read_range(s, to, &out->dim[out->rank++]);
        if (!s || (*s != ',' && *s != ']'))
            return fail_range(e, whole, "a size is not N, LOW~HIGH or -1");
        if (*s == ',' && s[1] == ']')
            return fail_range(e, whole, "a size is missing after a comma");
        if (*s == ',') s++;
    }
    if (*s != ']' || s[1]) return fail_range(e, whole, "the sizes are not in brackets");
    return STATUS_OK;
}

/* Calls for each part NAME:[...]; *ranges is the text of part i, "" for others. */
static enum status next_range(const char **rest, const char *whole, struct arena *arena,
                              struct import_shape *out, const char **ranges, struct atc_error *e) {
    size_t n = strcspn(*rest, ";");
    char *part = arena_strndup(arena, *rest, n), *text = NULL;
    CHECK(part, STATUS_MEMORY, NO_MEMORY);
    *rest += n + ((*rest)[n] == ';');
    char *colon = strrchr(part, ':');
    if (!colon || colon == part || colon[1] != '[')
        return fail_range(e, whole, "a part is not NAME:[SIZES]");
    *colon = '\0';
    while (*part == ' ') part++;
    out->name = part;
    size_t n_text;
    FILE *to = open_memstream(&text, &n_text);
    CHECK(to, STATUS_MEMORY, NO_MEMORY);
    enum status s = read_shape(colon + 2, whole, to, &out->shape, e);
    if (fclose(to) && s == STATUS_OK) s = STATUS_MEMORY;
    if (s == STATUS_OK) *ranges = arena_strdup(arena, text);
    free(text);
    return s;
}

static enum status parse_ranges(const char *text, struct arena *arena, struct import_options *out,
                                const char ***ranges, struct atc_error *e) {
    size_t most = (size_t)count_char(text, strlen(text), ';') + 1;
    struct import_shape *shapes = arena_calloc(arena, most, sizeof *shapes);
    *ranges = arena_calloc(arena, most, sizeof **ranges);
    CHECK(shapes && *ranges, STATUS_MEMORY, NO_MEMORY);
    int n = 0;
    for (const char *rest = text; *rest; n++)
        TRY(next_range(&rest, text, arena, &shapes[n], &(*ranges)[n], e));
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            if (!strcmp(shapes[i].name, shapes[k].name))
                return fail_range(e, text, "an input is named twice");
    out->shapes = shapes;
    out->n_shapes = n;
    return STATUS_OK;
}

enum status atc_parse_ranges(const char *text, struct arena *arena, struct import_options *out,
                             struct atc_error *e) {
    const char **ranges;
    return parse_ranges(text, arena, out, &ranges, e);
}

/* For every input its ranges, or its fixed sizes where the option does not name it. */
static enum status ranges_of(const struct graph *g, const char *option, struct arena *arena,
                             const char **out, struct atc_error *e) {
    struct import_options o = {0};
    const char **ranges;
    TRY(parse_ranges(option, arena, &o, &ranges, e));
    char *all = arena_strdup(arena, "range ");
    for (int i = 0; i < g->n_inputs && all; i++) {
        const struct tensor *t = &g->tensors[g->inputs[i]];
        if (i) all = arena_printf(arena, "%s;", all);
        int named = -1;
        for (int k = 0; k < o.n_shapes; k++)
            if (!strcmp(o.shapes[k].name, t->name)) named = k;
        if (named >= 0) all = arena_printf(arena, "%s%s", all, ranges[named]);
        for (int k = 0; k < t->shape.rank && named < 0 && all; k++) {
            if (t->shape.dim[k] < 0)
                return fail_range(e, option, "an input with an open size is not named");
            all = arena_printf(arena, "%s%s%" PRId64, all, k ? "," : "", t->shape.dim[k]);
        }
    }
    CHECK(all, STATUS_MEMORY, NO_MEMORY);
    *out = all;
    return STATUS_OK;
}

/* ---- the model ---- */

/* Which sizes are open must suit the option. */
static enum status check_open(const struct graph *g, const struct atc_options *o,
                              struct atc_error *e) {
    const char *dims = ATC_OPTION(o, dynamic_dims);
    int n_open = 0, height = atc_is_nhwc(o) ? 1 : 2; /* its axis; the width is the next */
    for (int i = 0; i < g->n_inputs; i++) {
        const struct tensor *t = &g->tensors[g->inputs[i]];
        char text[128], axis[16];
        for (int k = 0; k < t->shape.rank; k++) {
            if (t->shape.dim[k] >= 0) continue;
            n_open++;
            snprintf(axis, sizeof axis, "%d", k);
            if (*ATC_OPTION(o, dynamic_batch_size) && k > 0)
                return atc_fail(e, ATC_E10018, shape_text(&t->shape, text), axis);
            if (*ATC_OPTION(o, dynamic_image_size) &&
                (t->shape.rank != 4 || k < height || k > height + 1))
                return atc_fail(e, ATC_E10019);
        }
    }
    if (!n_open) return atc_fail(e, ATC_E10040);
    if (!*dims) return STATUS_OK;
    char have[16], want[16];
    snprintf(have, sizeof have, "%d", n_open);
    int n = count_char(dims, strcspn(dims, ";"), ',') + 1;
    snprintf(want, sizeof want, "%d", n);
    return n == n_open ? STATUS_OK : atc_fail(e, ATC_E10046, have, want);
}

enum status atc_set_dynamic(struct graph *g, const struct atc_options *o, struct arena *arena,
                            struct atc_error *e) {
    const char *range = ATC_OPTION(o, input_shape_range);
    const char *text = NULL;
    if (*range) {
        TRY(ranges_of(g, range, arena, &text, e));
    } else if (atc_has_gears(o)) {
        TRY(check_open(g, o, e));
        const char *batch = ATC_OPTION(o, dynamic_batch_size);
        const char *image = ATC_OPTION(o, dynamic_image_size);
        char *copy = *batch   ? arena_printf(arena, "batch %s", batch)
                     : *image ? arena_printf(arena, "image %s", image)
                              : arena_printf(arena, "dims %s", ATC_OPTION(o, dynamic_dims));
        CHECK(copy, STATUS_MEMORY, NO_MEMORY);
        for (char *c = copy; *batch && *c; c++)
            if (*c == ',') *c = ';';
        text = copy;
    } else {
        return STATUS_OK;
    }
    TRY(graph_set_meta(g, DYNAMIC_META, text));
    struct dynamic d;
    enum status s = dynamic_read(g, arena, &d);
    if (s == STATUS_OK) return s;
    if (*range) return fail_range(e, range, status_message());
    if (strstr(status_message(), "twice")) return atc_fail(e, ATC_E10039);
    return atc_fail(e, ATC_E19014, status_message());
}

static enum status plan(struct model *m, const struct dynamic *d, struct arena *arena,
                        struct atc_error *e) {
    const struct graph *g = model_graph(m);
    struct shape *shapes = arena_calloc(arena, (size_t)g->n_inputs + 1, sizeof *shapes);
    CHECK(shapes, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < d->n_gears; i++) {
        char gear[128], text[1024];
        dynamic_shapes(d, g, i, shapes);
        enum status s = model_plan(m, shapes);
        if (s == STATUS_OK) continue;
        snprintf(text, sizeof text, "at the gear %s: %s", dynamic_text(d, i, gear),
                 status_message());
        return atc_fail(e, s == STATUS_MEMORY ? ATC_E19022 : ATC_E19014, text);
    }
    return STATUS_OK;
}

enum status atc_plan_gears(const struct graph *g, struct arena *arena, struct atc_error *e) {
    struct dynamic d;
    TRY(dynamic_read(g, arena, &d));
    if (!d.n_gears) return STATUS_OK;
    struct device *device;
    struct graph *copy;
    struct model *m = NULL;
    TRY(device_create(1, &device));
    enum status s = graph_clone(g, true, &copy);
    if (s == STATUS_OK) {
        s = model_create(copy, device, &m);
        /* It plans the largest gear. */
        char gear[128], text[1024];
        snprintf(text, sizeof text, "at the gear %s: %s", dynamic_text(&d, d.largest, gear),
                 s == STATUS_OK ? "" : status_message());
        if (s != STATUS_OK) s = atc_fail(e, s == STATUS_MEMORY ? ATC_E19022 : ATC_E19014, text);
    }
    if (s == STATUS_OK) s = plan(m, &d, arena, e);
    model_destroy(m);
    device_destroy(device);
    return s;
}
