/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Caffe importer: a prototxt and a caffemodel become a graph. See caffe.h for the other files.
 *
 * The network is the one Caffe would make for its TEST phase. Fields nobody knows are an error with
 * their place in the text, unless the network has layers that cannot be converted: forks of Caffe
 * add both together, and then the layers are what to name.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "import/caffe/caffe.h"
#include "import/textformat.h"
#include "import/wire.h"
#include "ops/op.h"

/* ---- kinds of layers ---- */

struct kind {
    const char *type;
    enum status (*convert)(struct caffe_import *im, struct caffe_layer *l);
    int min_in, max_in, min_out, max_out; /* bottoms and tops; max -1: any number */
    const char *advice;                   /* instead of `convert` */
};

static const struct kind kinds[] = {
#define LAYER(type, function, min_in, max_in, min_out, max_out)                                    \
    {#type, caffe_##function, min_in, max_in, min_out, max_out, NULL},
#define REFUSE(type, advice) {#type, NULL, 0, -1, 0, -1, advice},
#include "import/caffe/layers.def"
#undef LAYER
#undef REFUSE
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static const struct kind *find_kind(const char *type) {
    for (int i = 0; i < N_KINDS; i++)
        if (!strcmp(kinds[i].type, type)) return &kinds[i];
    return NULL;
}

static bool converts(const char *type) {
    const struct kind *k = find_kind(type);
    return !strcmp(type, "Input") || (k && k->convert);
}

static void lack(struct caffe_import *im, const struct caffe_layer *l, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void lack(struct caffe_import *im, const struct caffe_layer *l, const char *format, ...) {
    va_list args;
    va_start(args, format);
    lacks_add(&im->lacks, l->type, l->name, format, args);
    va_end(args);
}

/* ---- blobs ---- */

struct caffe_blob_state {
    const char *name;
    int tensor;      /* of its last writing so far; -1: none yet */
    int last_writer; /* layer; -1: an input of the network */
    bool read;       /* since it was last written */
};

static int *blob_slot(const struct caffe_import *im, const char *name) {
    uint32_t hash = 2166136261u;
    for (const char *c = name; *c; c++) hash = (hash ^ (unsigned char)*c) * 16777619u;
    for (uint32_t at = hash;; at++) {
        int *slot = &im->slots[at & (uint32_t)(im->cap_slots - 1)];
        if (!*slot || !strcmp(im->blobs[*slot - 1].name, name)) return slot;
    }
}

static struct caffe_blob_state *find_blob(const struct caffe_import *im, const char *name) {
    int *slot = blob_slot(im, name);
    return *slot ? &im->blobs[*slot - 1] : NULL;
}

static void note_writer(struct caffe_import *im, const char *name, int layer) {
    int *slot = blob_slot(im, name);
    if (!*slot) {
        im->blobs[im->n_blobs] = (struct caffe_blob_state){.name = name, .tensor = -1};
        *slot = ++im->n_blobs;
    }
    im->blobs[*slot - 1].last_writer = layer;
}

/* Every blob, with the layer that writes it last. */
static enum status find_blobs(struct caffe_import *im, const Caffe__NetParameter *net) {
    size_t n = net->n_input;
    for (int i = 0; i < im->n_layers; i++) n += im->layers[i].p->n_top;
    CHECK(n < 1 << 22, STATUS_LIMIT, "the network has %zu blobs", n);
    for (im->cap_slots = 16; (size_t)im->cap_slots < 2 * n;) im->cap_slots *= 2;
    im->blobs = arena_calloc(im->arena, n + 1, sizeof *im->blobs);
    im->slots = arena_calloc(im->arena, (size_t)im->cap_slots, sizeof *im->slots);
    CHECK(im->blobs && im->slots, STATUS_MEMORY, CAFFE_NO_MEMORY);
    for (size_t i = 0; i < net->n_input; i++) note_writer(im, net->input[i], -1);
    for (int i = 0; i < im->n_layers; i++)
        for (size_t k = 0; k < im->layers[i].p->n_top; k++)
            note_writer(im, im->layers[i].p->top[k], i);
    return STATUS_OK;
}

/* ---- phases ---- */

/* Whether a rule holds in the TEST phase, at level 0, in no stage. */
static bool rule_holds(const Caffe__NetStateRule *r) {
    return (!r->has_phase || r->phase == CAFFE__PHASE__TEST) &&
           (!r->has_min_level || r->min_level <= 0) && (!r->has_max_level || r->max_level >= 0) &&
           !r->n_stage;
}

static bool is_part(const Caffe__LayerParameter *p) {
    bool part = !p->n_include;
    for (size_t i = 0; i < p->n_include; i++) part |= rule_holds(p->include[i]);
    for (size_t i = 0; i < p->n_exclude; i++) part &= !rule_holds(p->exclude[i]);
    return part;
}

static enum status take_layers(struct caffe_import *im, size_t n, Caffe__LayerParameter **p) {
    im->layers = arena_calloc(im->arena, n + 1, sizeof *im->layers);
    CHECK(im->layers, STATUS_MEMORY, CAFFE_NO_MEMORY);
    for (size_t i = 0; i < n; i++) {
        if (!is_part(p[i])) continue;
        struct caffe_layer *l = &im->layers[im->n_layers++];
        *l = (struct caffe_layer){.p = p[i], .type = p[i]->type,
                                  .n_in = (int)p[i]->n_bottom, .n_out = (int)p[i]->n_top};
        l->name = p[i]->name && *p[i]->name ? p[i]->name : p[i]->n_top ? p[i]->top[0] : "(unnamed)";
        CHECK(l->type && *l->type, STATUS_FORMAT, "layer '%s' has no type", l->name);
        L_CHECK(l, p[i]->n_bottom <= CAFFE_MAX_ENDS && p[i]->n_top <= CAFFE_MAX_ENDS, STATUS_LIMIT,
                "it has more than %d bottoms or tops", CAFFE_MAX_ENDS);
        l->weights = caffe_weights_find(&im->weights, l->name);
    }
    return STATUS_OK;
}

/* ---- inputs ---- */

static enum status add_input(struct caffe_import *im, const char *name,
                             const Caffe__BlobShape *dims, const struct import_options *options) {
    struct caffe_blob_state *b = find_blob(im, name);
    struct shape shape = shape_unknown();
    char text[128];
    CHECK(*name, STATUS_FORMAT, "an input of the network has no name");
    CHECK(b->tensor < 0, STATUS_FORMAT, "input '%s' is given twice", name);
    if (dims) {
        CHECK(dims->n_dim <= SHAPE_MAX_RANK, STATUS_LIMIT,
              "input '%s' has %zu dimensions; at most %d are supported",
              name, dims->n_dim, SHAPE_MAX_RANK);
        shape = shape_from((int)dims->n_dim, dims->dim);
        for (int i = 0; i < shape.rank; i++)
            CHECK(shape.dim[i] >= -1 && shape.dim[i] <= INT32_MAX, STATUS_SHAPE,
                  "input '%s' has a dimension of %" PRId64, name, shape.dim[i]);
    }
    TRY(import_override_shape(options, name, &shape));
    CHECK(shape.rank >= 0, STATUS_SHAPE,
          "input '%s' has no shape in the prototxt; give it one there, or with "
          "--input_shape=\"%s:1,3,224,224\"",
          name, name);
    CHECK(shape_elements(&shape) != 0, STATUS_SHAPE, "input '%s' has shape %s, without elements",
          name, shape_text(&shape, text));
    TRY(graph_add_tensor(im->g, name, DT_F32, shape, &b->tensor));
    return graph_add_input(im->g, b->tensor);
}

/* input: "data" with input_shape or input_dim behind, in front of the layers. */
static enum status add_head(struct caffe_import *im, const Caffe__NetParameter *net,
                            const struct import_options *options) {
    CHECK(!net->n_input_shape || !net->n_input_dim, STATUS_FORMAT,
          "the network has both input_shape and input_dim; keep one of them");
    CHECK(!net->n_input_shape || net->n_input_shape == net->n_input, STATUS_FORMAT,
          "the network has %zu inputs but %zu input_shape", net->n_input, net->n_input_shape);
    CHECK(!net->n_input_dim || net->n_input_dim == 4 * net->n_input, STATUS_FORMAT,
          "the network has %zu inputs but %zu input_dim; each input takes four", net->n_input,
          net->n_input_dim);
    for (size_t i = 0; i < net->n_input; i++) {
        Caffe__BlobShape four = CAFFE__BLOB_SHAPE__INIT, *dims = NULL;
        if (net->n_input_dim) {
            four.n_dim = 4;
            four.dim = net->input_dim + 4 * i;
            dims = &four;
        } else if (net->n_input_shape) {
            dims = net->input_shape[i];
        }
        TRY(add_input(im, net->input[i], dims, options));
    }
    return STATUS_OK;
}

/* An Input layer: one shape for all tops, or one for each. */
static enum status add_input_layer(struct caffe_import *im, struct caffe_layer *l,
                                   const struct import_options *options) {
    const Caffe__InputParameter *p = l->p->input_param;
    size_t n = p ? p->n_shape : 0;
    L_CHECK(l, n <= 1 || n == l->p->n_top, STATUS_FORMAT, "it has %d tops but %zu shapes", l->n_out,
            n);
    for (int i = 0; i < l->n_out; i++) {
        TRY(add_input(im, l->p->top[i], n ? p->shape[n == 1 ? 0 : i] : NULL, options));
        l->out[i] = find_blob(im, l->p->top[i])->tensor;
    }
    return STATUS_OK;
}

/* ---- layers ---- */

static enum status check_ends(const struct caffe_layer *l, const struct kind *k) {
    L_CHECK(l, l->n_in >= k->min_in && (k->max_in < 0 || l->n_in <= k->max_in), STATUS_FORMAT,
            "it has %d bottoms; it takes %s%d", l->n_in, k->max_in < 0 ? "at least " : "",
            l->n_in < k->min_in ? k->min_in : k->max_in);
    L_CHECK(l, l->n_out >= k->min_out && (k->max_out < 0 || l->n_out <= k->max_out), STATUS_FORMAT,
            "it has %d tops; it takes %s%d", l->n_out, k->max_out < 0 ? "at least " : "",
            l->n_out < k->min_out ? k->min_out : k->max_out);
    return STATUS_OK;
}

static enum status read_bottoms(struct caffe_import *im, struct caffe_layer *l) {
    l->in = arena_calloc(im->arena, (size_t)l->n_in + 1, sizeof *l->in);
    CHECK(l->in, STATUS_MEMORY, CAFFE_NO_MEMORY);
    for (int i = 0; i < l->n_in; i++) {
        struct caffe_blob_state *b = find_blob(im, l->p->bottom[i]);
        L_CHECK(l, b && b->tensor >= 0, STATUS_FORMAT,
                "its bottom '%s' is made by no layer before it", l->p->bottom[i]);
        b->read = true;
        l->in[i] = b->tensor;
    }
    return STATUS_OK;
}

static bool reads(const struct caffe_layer *l, const char *blob) {
    for (int i = 0; i < l->n_in; i++)
        if (!strcmp(l->p->bottom[i], blob)) return true;
    return false;
}

static enum status make_tops(struct caffe_import *im, struct caffe_layer *l) {
    for (int i = 0; i < l->n_out; i++) {
        const char *name = l->p->top[i];
        struct caffe_blob_state *b = find_blob(im, name);
        L_CHECK(l, *name, STATUS_FORMAT, "it has a top without a name");
        L_CHECK(l, b->tensor < 0 || reads(l, name), STATUS_FORMAT,
                "its top '%s' is made by another layer already", name);
        if (b->last_writer != (int)(l - im->layers)) {
            name = arena_printf(im->arena, "%s.%s", name, l->name);
            CHECK(name, STATUS_MEMORY, CAFFE_NO_MEMORY);
        }
        TRY(graph_add_tensor(im->g, name, DT_NONE, shape_unknown(), &l->out[i]));
        b->tensor = l->out[i];
        b->read = false;
    }
    return STATUS_OK;
}

static void lack_kind(struct caffe_import *im, const struct caffe_layer *l, const struct kind *k) {
    const char *nearest = text_nearest(l->type, N_KINDS, &kinds[0].type, sizeof kinds[0]);
    if (k) lack(im, l, "%s", k->advice);
    else if (nearest) lack(im, l, "the type is unknown; is %s meant?", nearest);
    else lack(im, l, "layers of this type are not supported");
}

static enum status add_layer(struct caffe_import *im, struct caffe_layer *l,
                             const struct import_options *options) {
    l->out = arena_calloc(im->arena, (size_t)l->n_out + 1, sizeof *l->out);
    CHECK(l->out, STATUS_MEMORY, CAFFE_NO_MEMORY);
    if (!strcmp(l->type, "Input")) return add_input_layer(im, l, options);
    const struct kind *k = find_kind(l->type);
    bool converts = k && k->convert;
    if (!converts) lack_kind(im, l, k);
    TRY(read_bottoms(im, l));
    TRY(make_tops(im, l));
    if (!converts) return STATUS_OK;
    TRY(check_ends(l, k));
    /* Behind a layer that has no result, only kinds and names can be looked at. */
    for (int i = 0; i < l->n_in; i++)
        if (im->g->tensors[l->in[i]].dtype == DT_NONE) return STATUS_OK;
    enum status s = k->convert(im, l);
    if (s != STATUS_UNSUPPORTED) return s;
    lack(im, l, "%s", status_message());
    return STATUS_OK;
}

/* ---- outputs ---- */

/* "layer:index", or the name of a blob. */
static enum status find_out_node(const struct caffe_import *im, const char *text, int *out) {
    const struct caffe_blob_state *b = find_blob(im, text);
    *out = b ? b->tensor : -1;
    if (*out >= 0) return STATUS_OK;
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    char *end = NULL;
    unsigned long k = colon ? strtoul(colon + 1, &end, 10) : 0;
    for (int i = 0; i < im->n_layers; i++) {
        const struct caffe_layer *l = &im->layers[i];
        if (strncmp(l->name, text, n) || l->name[n]) continue;
        CHECK(colon && end != colon + 1 && !*end, STATUS_ARGUMENT,
              "output '%s': write the layer's top too, for example '%s:0'", text, l->name);
        CHECK(k < (unsigned long)l->n_out, STATUS_ARGUMENT, "output '%s': layer '%s' has %d tops",
              text, l->name, l->n_out);
        *out = l->out[k];
        return STATUS_OK;
    }
    FAIL(STATUS_ARGUMENT, "output '%s' is no blob of the network, and no layer is named so", text);
}

static enum status add_outputs(struct caffe_import *im, const struct import_options *options) {
    if (options && options->out_nodes) {
        for (int i = 0; options->out_nodes[i]; i++) {
            int t;
            TRY(find_out_node(im, options->out_nodes[i], &t));
            TRY(graph_add_output(im->g, t));
        }
        return STATUS_OK;
    }
    for (int i = 0; i < im->n_layers; i++)
        for (int k = 0; k < im->layers[i].n_out; k++) {
            const struct caffe_blob_state *b = find_blob(im, im->layers[i].p->top[k]);
            if (b->last_writer == i && !b->read && !graph_is_input(im->g, b->tensor))
                TRY(graph_add_output(im->g, b->tensor));
        }
    CHECK(im->g->n_outputs, STATUS_FORMAT,
          "the network has no layer whose result is left over as an output");
    return STATUS_OK;
}

/* ---- networks ---- */

static enum status import_net(struct caffe_import *im, const struct text_message *text,
                              const struct import_options *options) {
    const Caffe__NetParameter *net = (const Caffe__NetParameter *)text->message;
    size_t n;
    Caffe__LayerParameter **p;
    TRY(caffe_upgrade(net, im->arena, &n, &p));
    CHECK(n, STATUS_FORMAT, "the prototxt has no layers");
    TRY(take_layers(im, n, p));
    TRY(find_blobs(im, net));
    if (net->name && *net->name) {
        im->g->name = arena_strdup(&im->g->arena, net->name);
        CHECK(im->g->name, STATUS_MEMORY, CAFFE_NO_MEMORY);
    }
    bool known = true;
    for (int i = 0; i < im->n_layers; i++)
        known &= converts(im->layers[i].type);
    CHECK(!known || !text->n_warnings, STATUS_FORMAT, "%s", text->warnings[0]);
    TRY(add_head(im, net, options));
    for (int i = 0; i < im->n_layers; i++) TRY(add_layer(im, &im->layers[i], options));
    if (im->lacks.n_nodes) return lacks_report(&im->lacks);
    CHECK(im->g->n_inputs, STATUS_FORMAT, "the network has no input; begin it with layer { name: "
          "\"data\" type: \"Input\" top: \"data\" input_param { shape { dim: 1 dim: 3 dim: 224 "
          "dim: 224 } } }");
    TRY(import_check_shapes(im->g, options));
    TRY(add_outputs(im, options));
    TRY(graph_sort(im->g));
    TRY(graph_compact(im->g));
    TRY(graph_infer(im->g));
    return graph_verify(im->g);
}

struct file {
    const char *path;
    const void *bytes;
    size_t n_bytes;
};

static enum status import_files(const struct file *model, const struct file *weights,
                                const struct import_options *options, struct graph *g) {
    struct text_message text;
    struct wire_message message = {0};
    struct arena scratch;
    TRY(text_unpack(&caffe__net_parameter__descriptor, model->bytes, model->n_bytes,
                    &(struct text_options){.name = model->path, .skip_unknown = true,
                                           .ignored = &caffe__training__descriptor},
                    &text));
    arena_init(&scratch, (size_t)1 << 30);
    struct caffe_import *im = arena_alloc(&scratch, sizeof *im);
    enum status s = STATUS_OK;
    if (!im) s = status_set(STATUS_MEMORY, __FILE__, __LINE__, CAFFE_NO_MEMORY);
    if (s == STATUS_OK) {
        *im = (struct caffe_import){.g = g, .arena = &scratch, .path = model->path};
        s = caffe_weights_init(weights->path, weights->bytes, weights->n_bytes, &scratch, &message,
                               &im->weights);
        if (s != STATUS_OK) status_prefix("%s", weights->path);
    }
    if (s == STATUS_OK) {
        s = import_net(im, &text, options);
        import_tell(options, "Caffe", 0, g, &im->lacks);
        /* What the text's reader says begins with the path already. */
        if (s != STATUS_OK && (!text.n_warnings || strcmp(status_message(), text.warnings[0])))
            status_prefix("%s", model->path);
    }
    wire_message_deinit(&message);
    arena_deinit(&scratch);
    text_message_deinit(&text);
    return s;
}

enum status import_caffe_memory(const void *model, size_t model_bytes, const void *weights,
                                size_t weight_bytes, const struct import_options *options,
                                struct graph **out) {
    *out = NULL;
    struct graph *g;
    TRY(graph_create(&g));
    enum status s = import_files(&(struct file){"prototxt", model, model_bytes},
                                 &(struct file){"caffemodel", weights, weight_bytes}, options, g);
    if (s == STATUS_OK) *out = g;
    else graph_destroy(g);
    return s;
}

enum status import_caffe_files(const char *model, const char *weights,
                               const struct import_options *options, struct graph **out) {
    *out = NULL;
    CHECK(weights, STATUS_ARGUMENT, "a Caffe network needs its caffemodel, too (--weight)");
    void *text = NULL, *bytes = NULL;
    size_t n_text, n_bytes;
    struct graph *g = NULL;
    enum status s = graph_create(&g);
    if (s == STATUS_OK) s = import_read_file(model, &text, &n_text);
    if (s == STATUS_OK) s = import_read_file(weights, &bytes, &n_bytes);
    if (s == STATUS_OK) s = graph_attach(g, bytes, mem_free); /* released there, whatever happens */
    if (s == STATUS_OK)
        s = import_files(&(struct file){model, text, n_text},
                         &(struct file){weights, bytes, n_bytes}, options, g);
    mem_free(text);
    if (s == STATUS_OK) *out = g;
    else graph_destroy(g);
    return s;
}
