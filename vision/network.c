/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network behind AscendCL: load, describe, buffers, execute; and around it preprocessing and
 * decoding. The calls are those of any AscendCL program, in their documented order.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <acl/acl.h>

#include "internal.h"
#include "pictures.h"

enum { MAX_OUTPUTS = PK_MAX_OUTPUTS };

/* A loaded model and those who run it. */
struct shared_model {
    uint32_t id;
    atomic_int users;
    struct pk_gears *gears; /* NULL: it has none. Not changed once a network is open */
    int ready;              /* those have been read */
    int forced;             /* the one to run with; -1: what suits the picture */
};

struct pk_network {
    struct pk_network_options options;
    char *path;
    uint8_t *wanted; /* by class; NULL: all */
    enum pk_family family;
    struct pk_recipe recipe; /* of the family, unless another was wished for */
    int n_classes, width, height;
    struct shared_model *shared; /* NULL until loaded */
    uint32_t model;
    aclmdlDesc *desc;
    aclmdlDataset *inputs, *outputs;
    int host; /* device memory is elsewhere: copy through buffers of our own */
    size_t input_bytes;
    void *input_device;
    void *others[3]; /* the model's other inputs: its gear, parameters of dynamic preprocessing */
    int set;         /* those parameters are of this recipe and gear */
    int gear, batch; /* gear: the one set, -1 where there are none; pictures of a run */
    struct pk_pictures *pictures; /* with preprocessing in the model; else NULL, and */
    float *input;                 /* (3, height, width) */
    int nhwc;     /* the model wants (height, width, 3) */
    float *interleaved; /* `input` so; NULL for NCHW */
    int n_outputs;
    struct {
        size_t bytes, used; /* used: of the first picture, at this gear */
        void *device, *memory; /* memory: what we read; the device's own where that can be read */
    } out[MAX_OUTPUTS];
    struct pk_tensor tensor[MAX_OUTPUTS];
};

static int acl_fail(const char *call, aclError code) {
    const char *why = aclGetRecentErrMsg();
    return pk_fail("%s failed with %d: %s", call, (int)code,
                   why && *why ? why : "no more is known");
}
#define ACL(call)                                                                                  \
    do {                                                                                           \
        aclError code_ = (call);                                                                   \
        if (code_ != ACL_SUCCESS) return acl_fail(#call, code_);                                   \
    } while (0)

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* ---- opening ---- */

static int add_buffer(aclmdlDataset *set, void *data, size_t bytes) {
    aclDataBuffer *buffer = aclCreateDataBuffer(data, bytes);
    if (!buffer) return acl_fail("aclCreateDataBuffer", ACL_ERROR_BAD_ALLOC);
    aclError code = aclmdlAddDatasetBuffer(set, buffer);
    if (code == ACL_SUCCESS) return 0;
    aclDestroyDataBuffer(buffer);
    return acl_fail("aclmdlAddDatasetBuffer", code);
}

/* The picture, and what comes with it: the choice of a gear, parameters of dynamic AIPP. */
static int open_buffers(struct pk_network *n, const char *path) {
    const struct pk_gears *gears = n->shared->gears;
    const size_t count = aclmdlGetNumInputs(n->desc);
    aclmdlInputAippType type;
    size_t block;
    const int dynamic = aclmdlGetAippType(n->model, 0, &type, &block) == ACL_SUCCESS &&
                        type == ACL_DATA_WITH_DYNAMIC_AIPP;
    if (count != (size_t)(1 + dynamic + (gears != NULL)) || (dynamic && block < 1))
        return pk_fail("%s has %zu inputs; a detector or classifier has one picture%s", path, count,
                       dynamic ? " and its parameters" : "");
    n->inputs = aclmdlCreateDataset();
    if (!n->inputs) return pk_fail("%s: out of memory", path);
    for (size_t i = 0; i < count; i++) {
        const size_t bytes = aclmdlGetInputSizeByIndex(n->desc, i);
        void **device = i ? &n->others[i - 1] : &n->input_device;
        ACL(aclrtMalloc(device, bytes, ACL_MEM_MALLOC_HUGE_FIRST));
        /* A gear may be of more pictures than the one that is given: the others stay zeros. */
        ACL(aclrtMemset(*device, bytes, 0, bytes));
        if (add_buffer(n->inputs, *device, bytes)) return -1;
        if (!i) n->input_bytes = bytes;
    }
    return 0;
}

/* Where (N,3,H,W) or (N,H,W,3) begins: its sizes as the network's. */
static int read_input_dims(struct pk_network *n, const aclmdlIODims *dims, const char *path) {
    n->nhwc = dims->dimCount == 4 && dims->dims[1] != 3 && dims->dims[3] == 3;
    const int64_t *size = dims->dims + (n->nhwc ? 1 : 2);
    if (dims->dimCount != 4 || dims->dims[0] != n->batch || (!n->nhwc && dims->dims[1] != 3) ||
        size[0] < 1 || size[1] < 1 || size[0] > 16384 || size[1] > 16384)
        return pk_fail("%s: its input is not one RGB picture (1,3,height,width) or "
                       "(1,height,width,3); convert the model with --input_shape so that it is",
                       path);
    if (aclmdlGetInputDataType(n->desc, 0) != ACL_FLOAT &&
        aclmdlGetInputDataType(n->desc, 0) != ACL_FLOAT16)
        return pk_fail("%s: its input is neither float32 nor float16", path);
    n->height = (int)size[0];
    n->width = (int)size[1];
    /* A larger gear needs more. */
    const size_t bytes = (size_t)3 * (size_t)n->width * (size_t)n->height * sizeof *n->input;
    free(n->input);
    free(n->interleaved);
    n->input = malloc(bytes);
    n->interleaved = n->nhwc ? malloc(bytes) : NULL;
    return n->input && (!n->nhwc || n->interleaved) ? 0 : pk_fail("%s: out of memory", path);
}

/* The dimensions of the outputs; of a run of several pictures the first one's part. */
static int read_output_dims(struct pk_network *n, const struct pk_gear *gear, const char *path) {
    for (int i = 0; i < n->n_outputs; i++) {
        aclmdlIODims dims = {0};
        if (gear) dims = gear->outputs[i];
        else ACL(aclmdlGetOutputDims(n->desc, (size_t)i, &dims));
        struct pk_tensor *t = &n->tensor[i];
        if (dims.dimCount > 8) return pk_fail("%s: output %d has too many dimensions", path, i);
        t->rank = (int)dims.dimCount;
        size_t elements = 1;
        for (int d = 0; d < t->rank; d++) {
            t->dim[d] = dims.dims[d];
            if (dims.dims[d] < 0 ||
                __builtin_mul_overflow(elements, (size_t)dims.dims[d], &elements))
                return pk_fail("%s: the size of output %d is not known", path, i);
        }
        if (__builtin_mul_overflow(elements,
                                   aclDataTypeSize(aclmdlGetOutputDataType(n->desc, (size_t)i)),
                                   &n->out[i].used) ||
            n->out[i].used > n->out[i].bytes)
            return pk_fail("%s: output %d is larger than it says", path, i);
    }
    return 0;
}

/* Everything whose size depends on the gear; gear -1 where there are none. */
static int take_gear(struct pk_network *n, int gear, const char *path) {
    const struct pk_gear *g = gear < 0 ? NULL : &n->shared->gears->items[gear];
    aclmdlIODims dims;
    n->gear = -1;
    if (g && pk_gears_set(n->shared->gears, g, n->model, n->inputs)) return -1;
    n->batch = g ? g->batch : 1;
    n->set = 0;
    pk_pictures_close(n->pictures);
    if (pk_pictures_open(n->model, n->desc, g, path, &n->pictures, &n->width, &n->height))
        return -1;
    if (!n->pictures) {
        if (g) dims = g->dims;
        else ACL(aclmdlGetInputDims(n->desc, 0, &dims));
        if (read_input_dims(n, &dims, path)) return -1;
    }
    if (read_output_dims(n, g, path)) return -1;
    n->gear = gear;
    return 0;
}

static int open_outputs(struct pk_network *n, const char *path) {
    n->outputs = aclmdlCreateDataset();
    if (!n->outputs) return pk_fail("%s: out of memory", path);
    size_t count = aclmdlGetNumOutputs(n->desc);
    if (count < 1 || count > MAX_OUTPUTS)
        return pk_fail("%s has %zu outputs; no detector or classifier known has so many", path,
                       count);
    n->n_outputs = (int)count;
    for (size_t i = 0; i < count; i++) {
        struct pk_tensor *t = &n->tensor[i];
        aclDataType type = aclmdlGetOutputDataType(n->desc, i);
        if (type != ACL_FLOAT && type != ACL_FLOAT16)
            return pk_fail("%s: output %zu is neither float32 nor float16", path, i);
        n->out[i].bytes = aclmdlGetOutputSizeByIndex(n->desc, i);
        ACL(aclrtMalloc(&n->out[i].device, n->out[i].bytes, ACL_MEM_MALLOC_HUGE_FIRST));
        if (add_buffer(n->outputs, n->out[i].device, n->out[i].bytes)) return -1;
        /* float16 outputs are widened into memory of twice the size. */
        size_t want = type == ACL_FLOAT16 ? 2 * n->out[i].bytes : n->out[i].bytes;
        n->out[i].memory = malloc(want ? want : 1);
        if (!n->out[i].memory) return pk_fail("%s: out of memory", path);
        t->data = n->out[i].memory;
    }
    return 0;
}

/* A classifier has one output of which all dimensions but one are 1. */
static int classes_of(const struct pk_tensor *t, int n) {
    int64_t classes = 1;
    if (n != 1 || t->rank < 1) return 0;
    for (int d = 0; d < t->rank; d++) {
        if (t->dim[d] != 1 && classes != 1) return 0;
        classes *= t->dim[d];
    }
    return classes >= 2 && classes <= 1000000 ? (int)classes : 0;
}

static void describe(const struct pk_network *n, char *text, size_t size) {
    size_t at = 0;
    text[0] = '\0';
    for (int i = 0; i < n->n_outputs && at + 80 < size; i++) {
        at += (size_t)snprintf(text + at, size - at, "%s[", i ? ", " : "");
        for (int d = 0; d < n->tensor[i].rank && at + 24 < size; d++)
            at += (size_t)snprintf(text + at, size - at, "%s%lld", d ? "," : "",
                                   (long long)n->tensor[i].dim[d]);
        at += (size_t)snprintf(text + at, size - at, "]");
    }
}

/* Families that differ only in what they were trained on (yolox and yolox-meanstd; the two
 * classifiers) cannot be told apart by shape: the common one is meant. */
static int recognise(struct pk_network *n, const char *path) {
    static const enum pk_family detectors[] = {PK_YOLOX, PK_YOLOV5, PK_YOLOV8, PK_NANODET,
                                             PK_SSD};
    enum pk_family wanted = n->options.family;
    char shapes[600];
    describe(n, shapes, sizeof shapes);
    if (wanted != PK_FAMILY_AUTO) {
        const struct pk_decoder *d = pk_decoder_of(wanted);
        n->family = wanted;
        n->n_classes = d ? d->recognise(n->tensor, n->n_outputs, n->width, n->height)
                         : classes_of(n->tensor, n->n_outputs);
        return n->n_classes ? 0
                            : pk_fail("%s: outputs %s do not fit the family %s", path, shapes,
                                      pk_family_name(wanted));
    }
    int found = 0;
    for (size_t i = 0; i < sizeof detectors / sizeof detectors[0]; i++) {
        int classes = pk_decoder_of(detectors[i])->recognise(n->tensor, n->n_outputs, n->width,
                                                             n->height);
        if (!classes) continue;
        /* The same rows may be 5 + 80 or 32 + 53 columns: COCO's 80 classes are the likelier. */
        if (found && classes != 80 && n->n_classes == 80) continue;
        if (found++ && !(classes == 80 && n->n_classes != 80))
            return pk_fail("%s: outputs %s could be %s or %s; say which with --type", path, shapes,
                           pk_family_name(n->family), pk_family_name(detectors[i]));
        n->family = detectors[i];
        n->n_classes = classes;
    }
    if (found) return 0;
    n->family = PK_IMAGENET;
    n->n_classes = classes_of(n->tensor, n->n_outputs);
    return n->n_classes
               ? 0
               : pk_fail("%s: no known network family has outputs %s for a %d x %d picture; "
                         "say which it is with --type",
                         path, shapes, n->width, n->height);
}

static int load(struct pk_network *n) {
    struct shared_model *s = calloc(1, sizeof *s);
    if (!s) return pk_fail("out of memory");
    aclError code = aclmdlLoadFromFile(n->path, &s->id);
    if (code != ACL_SUCCESS) {
        const char *why = aclGetRecentErrMsg();
        free(s);
        return pk_fail("%s cannot be loaded (error %d): %s", n->path, (int)code, why ? why : "");
    }
    atomic_init(&s->users, 1);
    n->shared = s;
    return 0;
}

int pk_network_choose(struct pk_network *n, const int *classes, int n_classes) {
    uint8_t *wanted = calloc((size_t)n->n_classes, 1);
    if (!wanted) return pk_fail("out of memory");
    for (int i = 0; i < n_classes; i++) {
        if (classes[i] < 0 || classes[i] >= n->n_classes) {
            free(wanted);
            return pk_fail("class %d is wanted, but the network has classes 0 to %d", classes[i],
                           n->n_classes - 1);
        }
        wanted[classes[i]] = 1;
    }
    free(n->wanted);
    n->wanted = wanted;
    return 0;
}

void pk_network_prepare_as(struct pk_network *n, const struct pk_recipe *r) {
    n->recipe = r ? *r : *pk_recipe_of(n->family);
    n->set = 0;
}

static int open_gears(struct pk_network *n) {
    struct shared_model *s = n->shared;
    s->forced = -1;
    if (pk_gears_read(n->desc, n->path, &s->gears)) return -1;
    if (!n->options.gear) return 0;
    if (!s->gears)
        return pk_fail("--gear %s is given, but %s has no gears", n->options.gear, n->path);
    s->forced = pk_gear_find(&s->gears->table, n->options.gear, n->path);
    return s->forced < 0 ? -1 : 0;
}

/* With a model of its own, or the one in n->shared. */
static int open_network(struct pk_network *n) {
    const char *path = n->path;
    aclrtRunMode mode;
    ACL(aclrtGetRunMode(&mode));
    n->host = mode == ACL_HOST;
    if (!n->shared && load(n)) return -1;
    n->model = n->shared->id;
    n->desc = aclmdlCreateDesc();
    if (!n->desc) return pk_fail("%s: out of memory", path);
    ACL(aclmdlGetDesc(n->desc, n->model));
    if (!n->shared->ready && open_gears(n)) return -1;
    if (open_buffers(n, path) || open_outputs(n, path)) return -1;
    struct pk_gears *gears = n->shared->gears;
    if (!n->shared->ready && gears &&
        pk_gears_read_outputs(gears, n->model, n->desc, n->inputs, path))
        return -1;
    n->shared->ready = 1;
    const int forced = n->shared->forced;
    if (take_gear(n, !gears ? -1 : forced >= 0 ? forced : pk_gears_choose(gears, 0, 0), path) ||
        recognise(n, path))
        return -1;
    pk_network_prepare_as(n, NULL);
    return 0;
}

void pk_network_set(struct pk_network *n, const struct pk_network_options *options) {
    n->options = options ? *options : (struct pk_network_options){0};
    if (n->options.confidence <= 0) n->options.confidence = 0.25f;
    if (n->options.iou <= 0) n->options.iou = 0.45f;
    if (n->options.max_detections <= 0) n->options.max_detections = 300;
    if (n->options.top <= 0) n->options.top = 5;
}

int pk_network_open(const char *om_path, const struct pk_network_options *options,
                    struct pk_network **out) {
    *out = NULL;
    struct pk_network *n = calloc(1, sizeof *n);
    if (!n) return pk_fail("out of memory");
    pk_network_set(n, options);
    n->path = strdup(om_path);
    if (!n->path || open_network(n)) {
        if (!n->path) pk_fail("out of memory");
        pk_network_close(n);
        return -1;
    }
    *out = n;
    return 0;
}

int pk_network_share(struct pk_network *from, struct pk_network **out) {
    *out = NULL;
    struct pk_network *n = calloc(1, sizeof *n);
    if (!n) return pk_fail("out of memory");
    n->options = from->options;
    n->options.family = from->family;
    n->path = strdup(from->path);
    n->shared = from->shared;
    atomic_fetch_add(&n->shared->users, 1);
    int failed = !n->path ? pk_fail("out of memory") : open_network(n);
    if (!failed) n->recipe = from->recipe;
    if (!failed && from->wanted) {
        n->wanted = malloc((size_t)n->n_classes);
        if (n->wanted) memcpy(n->wanted, from->wanted, (size_t)n->n_classes);
        else failed = pk_fail("out of memory");
    }
    if (failed) {
        pk_network_close(n);
        return -1;
    }
    *out = n;
    return 0;
}

static void close_dataset(aclmdlDataset *set) {
    if (!set) return;
    for (size_t i = 0; i < aclmdlGetDatasetNumBuffers(set); i++)
        aclDestroyDataBuffer(aclmdlGetDatasetBuffer(set, i));
    aclmdlDestroyDataset(set);
}

void pk_network_close(struct pk_network *n) {
    if (!n) return;
    close_dataset(n->inputs);
    close_dataset(n->outputs);
    if (n->input_device) aclrtFree(n->input_device);
    for (size_t i = 0; i < sizeof n->others / sizeof *n->others; i++)
        if (n->others[i]) aclrtFree(n->others[i]);
    pk_pictures_close(n->pictures);
    for (int i = 0; i < n->n_outputs; i++) {
        if (n->out[i].device) aclrtFree(n->out[i].device);
        free(n->out[i].memory);
    }
    if (n->desc) aclmdlDestroyDesc(n->desc);
    if (n->shared && atomic_fetch_sub(&n->shared->users, 1) == 1) {
        aclmdlUnload(n->shared->id);
        pk_gears_free(n->shared->gears);
        free(n->shared);
    }
    free(n->path);
    free(n->wanted);
    free(n->input);
    free(n->interleaved);
    free(n);
}

enum pk_family pk_network_family(const struct pk_network *n) { return n->family; }
int pk_network_classes(const struct pk_network *n) { return n->n_classes; }
int pk_network_has_values(const struct pk_network *n) {
    size_t block;
    return n->pictures && !pk_pictures_are_dynamic(n->pictures, &block);
}
void pk_network_input_size(const struct pk_network *n, int *width, int *height) {
    *width = n->width;
    *height = n->height;
}

int pk_network_sizes_vary(const struct pk_network *n) {
    const struct pk_gears *gears = n->shared->gears;
    int vary = 0;
    for (int i = 1; gears && n->shared->forced < 0 && i < gears->table.n; i++)
        vary |= gears->items[i].width != gears->items[0].width ||
                gears->items[i].height != gears->items[0].height;
    return vary;
}

/* ---- running ---- */

static float *interleave(struct pk_network *n) {
    size_t plane = (size_t)n->width * (size_t)n->height;
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < 3; c++) n->interleaved[3 * i + c] = n->input[c * plane + i];
    return n->interleaved;
}

/* Preprocesses into `pictures`, or `input`. */
static int prepare(struct pk_network *n, const struct pk_image *image, const uint8_t **pictures,
                   size_t *bytes, struct pk_placement *placement) {
    size_t block;
    *pictures = NULL;
    if (!n->pictures)
        return pk_prepare(&n->recipe, image, n->width, n->height, n->input, placement);
    if (!n->set && pk_pictures_are_dynamic(n->pictures, &block) &&
        pk_pictures_set(n->pictures, &n->recipe, n->inputs))
        return -1;
    n->set = 1;
    *pictures = pk_pictures_make(n->pictures, &n->recipe, image, placement, bytes);
    return *pictures ? 0 : -1;
}

static int copy_in(struct pk_network *n, const uint8_t *pictures, size_t bytes) {
    size_t elements = (size_t)3 * (size_t)n->width * (size_t)n->height;
    aclrtMemcpyKind kind = n->host ? ACL_MEMCPY_HOST_TO_DEVICE : ACL_MEMCPY_DEVICE_TO_DEVICE;
    if (pictures) {
        ACL(aclrtMemcpy(n->input_device, n->input_bytes, pictures, bytes, kind));
        return 0;
    }
    float *input = n->nhwc ? interleave(n) : n->input;
    if (aclmdlGetInputDataType(n->desc, 0) == ACL_FLOAT16) {
        /* Narrowed in place: a half is never written past a float not yet read. */
        aclFloat16 *half = (aclFloat16 *)(void *)input;
        for (size_t i = 0; i < elements; i++) half[i] = aclFloatToFloat16(input[i]);
        ACL(aclrtMemcpy(n->input_device, n->input_bytes, half, elements * sizeof *half, kind));
        return 0;
    }
    ACL(aclrtMemcpy(n->input_device, n->input_bytes, input, elements * sizeof *input, kind));
    return 0;
}

static int copy_out(struct pk_network *n) {
    aclrtMemcpyKind kind = n->host ? ACL_MEMCPY_DEVICE_TO_HOST : ACL_MEMCPY_DEVICE_TO_DEVICE;
    for (int i = 0; i < n->n_outputs; i++) {
        size_t bytes = n->out[i].used;
        int half = aclmdlGetOutputDataType(n->desc, (size_t)i) == ACL_FLOAT16;
        char *to = n->out[i].memory;
        /* Halves go to the second part and are widened from there towards the front. */
        ACL(aclrtMemcpy(half ? to + bytes : to, bytes, n->out[i].device, bytes, kind));
        float *wide = n->out[i].memory;
        const aclFloat16 *narrow = (const aclFloat16 *)(const void *)(to + bytes);
        for (size_t k = 0; half && k < bytes / sizeof *narrow; k++)
            wide[k] = aclFloat16ToFloat(narrow[k]);
    }
    return 0;
}

static float clip(float v, float high) { return v < 0 ? 0 : v > high ? high : v; }

static int detect(struct pk_network *n, const struct pk_image *image, const struct pk_placement *p,
                  struct pk_result *out) {
    struct pk_candidates c = {0, 0, NULL};
    struct pk_decode d = {n->width, n->height, n->n_classes, n->options.confidence,
                          n->options.every_class};
    if (pk_decoder_of(n->family)->decode(&d, n->tensor, n->n_outputs, &c)) {
        free(c.items);
        return -1;
    }
    int kept = 0;
    for (int i = 0; n->wanted && i < c.n; i++)
        if (n->wanted[c.items[i].class_id]) c.items[kept++] = c.items[i];
    if (n->wanted) c.n = kept;
    pk_nms(&c, n->options.iou, n->options.max_detections);
    for (int i = 0; i < c.n; i++) {
        struct pk_detection *b = &c.items[i];
        b->x1 = clip((b->x1 - p->pad_x) / p->scale_x, (float)image->width);
        b->x2 = clip((b->x2 - p->pad_x) / p->scale_x, (float)image->width);
        b->y1 = clip((b->y1 - p->pad_y) / p->scale_y, (float)image->height);
        b->y2 = clip((b->y2 - p->pad_y) / p->scale_y, (float)image->height);
    }
    out->n_detections = c.n;
    out->detections = c.items;
    return 0;
}

static int likelier_first(const void *a, const void *b) {
    const struct pk_class *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return x->class_id < y->class_id ? -1 : 1;
}

/* Outputs that are already probabilities stay; logits go through a softmax. */
static int classify(const struct pk_network *n, struct pk_result *out) {
    const float *v = n->tensor[0].data;
    if (n->n_classes < 1) return pk_fail("a classifier without classes");
    double sum = 0, top = v[0];
    int probabilities = 1;
    for (int i = 0; i < n->n_classes; i++) {
        sum += v[i];
        if (v[i] > top) top = v[i];
        if (v[i] < 0 || v[i] > 1) probabilities = 0;
    }
    probabilities = probabilities && fabs(sum - 1) < 0.02;
    if (!probabilities) {
        sum = 0;
        for (int i = 0; i < n->n_classes; i++) sum += exp(v[i] - top);
    }
    out->classes = calloc((size_t)n->n_classes, sizeof *out->classes);
    if (!out->classes) return pk_fail("out of memory for %d classes", n->n_classes);
    for (int i = 0; i < n->n_classes; i++)
        out->classes[i] =
            (struct pk_class){i, probabilities ? v[i] : (float)(exp(v[i] - top) / sum)};
    qsort(out->classes, (size_t)n->n_classes, sizeof *out->classes, likelier_first);
    int kept = 0;
    for (int i = 0; i < n->n_classes && kept < n->options.top; i++)
        if (!n->wanted || n->wanted[out->classes[i].class_id])
            out->classes[kept++] = out->classes[i];
    out->n_classes = kept;
    return 0;
}

/* The gear that suits the picture; it must make of the network what the first did. */
static int change_gear(struct pk_network *n, const struct pk_image *image) {
    const struct pk_gears *gears = n->shared->gears;
    if (!gears || n->shared->forced >= 0) return 0;
    const int gear = pk_gears_choose(gears, image->width, image->height);
    if (gear == n->gear) return 0;
    if (take_gear(n, gear, n->path)) return -1;
    const struct pk_decoder *d = pk_decoder_of(n->family);
    const int classes = d ? d->recognise(n->tensor, n->n_outputs, n->width, n->height)
                          : classes_of(n->tensor, n->n_outputs);
    if (classes == n->n_classes) return 0;
    n->gear = -1;
    return pk_fail("%s: its outputs at the gear %s are not those of a network of the family %s "
                   "with %d classes", n->path, gears->items[gear].text, pk_family_name(n->family),
                   n->n_classes);
}

int pk_network_run(struct pk_network *n, const struct pk_image *image, struct pk_result *out) {
    memset(out, 0, sizeof *out);
    if (change_gear(n, image)) return -1;
    struct pk_placement placement;
    double t0 = now_ms();
    const uint8_t *pictures;
    size_t bytes = 0;
    if (prepare(n, image, &pictures, &bytes, &placement)) return -1;
    double t1 = now_ms();
    if (copy_in(n, pictures, bytes)) return -1;
    ACL(aclmdlExecute(n->model, n->inputs, n->outputs));
    if (copy_out(n)) return -1;
    double t2 = now_ms();
    int result = pk_decoder_of(n->family) ? detect(n, image, &placement, out) : classify(n, out);
    double t3 = now_ms();
    out->timing = (struct pk_timing){t1 - t0, t2 - t1, t3 - t2};
    if (result) pk_result_free(out);
    return result;
}

void pk_result_free(struct pk_result *r) {
    free(r->detections);
    free(r->classes);
    memset(r, 0, sizeof *r);
}
