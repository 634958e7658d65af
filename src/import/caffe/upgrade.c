/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Older forms of a network, brought to the newest.
 *
 * V1 (`layers`, kinds as an enumeration) differs from `layer` in the name of the kind only, as far
 * as inference goes. V0 keeps the parameters of every kind in one message (`layers { layer { } }`);
 * its Padding layers become the pad of the convolution or pooling behind them.
 */
#include <string.h>

#include "import/caffe/caffe.h"

/* The names that V1's enumeration and V0's words stand for; NULL where there is no such word. */
static const struct {
    Caffe__V1LayerParameter__LayerType v1;
    const char *v0, *type;
} kinds[] = {
#define V1(name) CAFFE__V1_LAYER_PARAMETER__LAYER_TYPE__##name
    {V1(ABSVAL), NULL, "AbsVal"},
    {V1(ACCURACY), "accuracy", "Accuracy"},
    {V1(ARGMAX), NULL, "ArgMax"},
    {V1(BNLL), "bnll", "BNLL"},
    {V1(CONCAT), "concat", "Concat"},
    {V1(CONTRASTIVE_LOSS), NULL, "ContrastiveLoss"},
    {V1(CONVOLUTION), "conv", "Convolution"},
    {V1(DATA), "data", "Data"},
    {V1(DECONVOLUTION), NULL, "Deconvolution"},
    {V1(DROPOUT), "dropout", "Dropout"},
    {V1(DUMMY_DATA), NULL, "DummyData"},
    {V1(ELTWISE), NULL, "Eltwise"},
    {V1(EUCLIDEAN_LOSS), "euclidean_loss", "EuclideanLoss"},
    {V1(EXP), NULL, "Exp"},
    {V1(FLATTEN), "flatten", "Flatten"},
    {V1(HDF5_DATA), "hdf5_data", "HDF5Data"},
    {V1(HDF5_OUTPUT), "hdf5_output", "HDF5Output"},
    {V1(HINGE_LOSS), "hinge_loss", "HingeLoss"},
    {V1(IM2COL), "im2col", "Im2col"},
    {V1(IMAGE_DATA), "images", "ImageData"},
    {V1(INFOGAIN_LOSS), "infogain_loss", "InfogainLoss"},
    {V1(INNER_PRODUCT), "innerproduct", "InnerProduct"},
    {V1(LRN), "lrn", "LRN"},
    {V1(MEMORY_DATA), NULL, "MemoryData"},
    {V1(MULTINOMIAL_LOGISTIC_LOSS), "multinomial_logistic_loss", "MultinomialLogisticLoss"},
    {V1(MVN), NULL, "MVN"},
    {V1(POOLING), "pool", "Pooling"},
    {V1(POWER), NULL, "Power"},
    {V1(RELU), "relu", "ReLU"},
    {V1(SIGMOID), "sigmoid", "Sigmoid"},
    {V1(SIGMOID_CROSS_ENTROPY_LOSS), NULL, "SigmoidCrossEntropyLoss"},
    {V1(SILENCE), NULL, "Silence"},
    {V1(SLICE), NULL, "Slice"},
    {V1(SOFTMAX), "softmax", "Softmax"},
    {V1(SOFTMAX_LOSS), "softmax_loss", "SoftmaxWithLoss"},
    {V1(SPLIT), "split", "Split"},
    {V1(TANH), "tanh", "TanH"},
    {V1(THRESHOLD), NULL, "Threshold"},
    {V1(WINDOW_DATA), "window_data", "WindowData"},
#undef V1
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static const char *type_of_v1(Caffe__V1LayerParameter__LayerType v1) {
    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i].v1 == v1) return kinds[i].type;
    return NULL;
}

static const char *type_of_v0(const char *v0) {
    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i].v0 && !strcmp(kinds[i].v0, v0)) return kinds[i].type;
    return NULL;
}

/* A parameter message of the arena with every field at its default. */
#define NEW(arena, Upper, lower, p)                                                                \
    Caffe__##Upper *p = arena_alloc(arena, sizeof *p);                                             \
    CHECK(p, STATUS_MEMORY, CAFFE_NO_MEMORY);                                                      \
    caffe__##lower##__init(p)

/* A value as a repeated field of one. */
static enum status one_of(struct arena *arena, uint32_t value, size_t *n, uint32_t **out) {
    *out = arena_alloc(arena, sizeof **out);
    CHECK(*out, STATUS_MEMORY, CAFFE_NO_MEMORY);
    **out = value;
    *n = 1;
    return STATUS_OK;
}

static enum status upgrade_v0_conv(const Caffe__V0LayerParameter *v0, uint32_t pad,
                                   struct arena *arena, Caffe__LayerParameter *l) {
    NEW(arena, ConvolutionParameter, convolution_parameter, c);
    c->num_output = v0->num_output;
    c->has_num_output = v0->has_num_output;
    c->bias_term = v0->biasterm;
    c->group = v0->group;
    TRY(one_of(arena, v0->has_pad ? v0->pad : pad, &c->n_pad, &c->pad));
    if (v0->has_kernelsize)
        TRY(one_of(arena, v0->kernelsize, &c->n_kernel_size, &c->kernel_size));
    TRY(one_of(arena, v0->stride, &c->n_stride, &c->stride));
    l->convolution_param = c;
    return STATUS_OK;
}

static enum status upgrade_v0(const Caffe__V0LayerParameter *v0, uint32_t pad, struct arena *arena,
                              Caffe__LayerParameter *l) {
    l->name = v0->name;
    CHECK(v0->type, STATUS_FORMAT, "layer '%s' has no type", l->name ? l->name : "");
    const char *type = type_of_v0(v0->type);
    CHECK(type, STATUS_UNSUPPORTED, "layer '%s' is of the kind '%s', which is unknown",
          l->name ? l->name : "", v0->type);
    l->type = (char *)type;
    if (!strcmp(type, "Convolution")) {
        TRY(upgrade_v0_conv(v0, pad, arena, l));
    } else if (!strcmp(type, "Pooling")) {
        NEW(arena, PoolingParameter, pooling_parameter, p);
        p->pool = v0->pool;
        p->kernel_size = v0->kernelsize;
        p->has_kernel_size = v0->has_kernelsize;
        p->stride = v0->stride;
        p->pad = v0->has_pad ? v0->pad : pad;
        p->has_stride = p->has_pad = 1;
        l->pooling_param = p;
    } else if (!strcmp(type, "InnerProduct")) {
        NEW(arena, InnerProductParameter, inner_product_parameter, p);
        p->num_output = v0->num_output;
        p->has_num_output = v0->has_num_output;
        p->bias_term = v0->biasterm;
        l->inner_product_param = p;
    } else if (!strcmp(type, "LRN")) {
        NEW(arena, LRNParameter, lrnparameter, p);
        p->local_size = v0->local_size;
        p->alpha = v0->alpha;
        p->beta = v0->beta;
        p->k = v0->k;
        l->lrn_param = p;
    } else if (!strcmp(type, "Concat")) {
        NEW(arena, ConcatParameter, concat_parameter, p);
        p->axis = (int32_t)v0->concat_dim;
        l->concat_param = p;
    }
    return STATUS_OK;
}

static enum status upgrade_v1(const Caffe__V1LayerParameter *v1, Caffe__LayerParameter *l) {
    l->name = v1->name;
    l->type = (char *)type_of_v1(v1->type);
    CHECK(l->type, STATUS_FORMAT, "layer '%s' has no type", l->name ? l->name : "");
    l->n_include = v1->n_include;
    l->include = v1->include;
    l->n_exclude = v1->n_exclude;
    l->exclude = v1->exclude;
#define TAKE(field) l->field = v1->field
    TAKE(argmax_param);
    TAKE(concat_param);
    TAKE(convolution_param);
    TAKE(dropout_param);
    TAKE(eltwise_param);
    TAKE(exp_param);
    TAKE(inner_product_param);
    TAKE(lrn_param);
    TAKE(mvn_param);
    TAKE(pooling_param);
    TAKE(power_param);
    TAKE(relu_param);
    TAKE(sigmoid_param);
    TAKE(slice_param);
    TAKE(softmax_param);
    TAKE(tanh_param);
    TAKE(threshold_param);
#undef TAKE
    return STATUS_OK;
}

/* V0's Padding layer: its pad goes to the layers that read its top, which then read its bottom. */
static bool is_padding(const Caffe__V1LayerParameter *v1) {
    return v1->layer && v1->layer->type && !strcmp(v1->layer->type, "padding");
}

static const Caffe__V1LayerParameter *padding_before(const Caffe__NetParameter *net, size_t at,
                                                     const char *bottom) {
    while (at-- > 0) {
        const Caffe__V1LayerParameter *v1 = net->layers[at];
        for (size_t i = 0; i < v1->n_top; i++)
            if (!strcmp(v1->top[i], bottom)) return is_padding(v1) && v1->n_bottom == 1 ? v1 : NULL;
    }
    return NULL;
}

enum status caffe_upgrade(const Caffe__NetParameter *net, struct arena *arena, size_t *n_layers,
                          Caffe__LayerParameter ***out) {
    CHECK(!net->n_layer || !net->n_layers, STATUS_FORMAT,
          "the network has both 'layer' and 'layers'; write all of it with 'layer'");
    CHECK(net->n_layer <= CAFFE_MAX_LAYERS && net->n_layers <= CAFFE_MAX_LAYERS, STATUS_LIMIT,
          "the network has more than %d layers", CAFFE_MAX_LAYERS);
    *n_layers = net->n_layer;
    *out = net->layer;
    if (!net->n_layers) return STATUS_OK;
    *n_layers = 0;
    *out = arena_calloc(arena, net->n_layers, sizeof **out);
    CHECK(*out, STATUS_MEMORY, CAFFE_NO_MEMORY);
    for (size_t i = 0; i < net->n_layers; i++) {
        const Caffe__V1LayerParameter *v1 = net->layers[i], *padding = NULL;
        if (is_padding(v1)) continue;
        NEW(arena, LayerParameter, layer_parameter, l);
        l->n_bottom = v1->n_bottom;
        l->bottom = v1->bottom;
        l->n_top = v1->n_top;
        l->top = v1->top;
        if (v1->layer && v1->n_bottom == 1) padding = padding_before(net, i, v1->bottom[0]);
        if (padding) l->bottom = padding->bottom;
        if (v1->layer) TRY(upgrade_v0(v1->layer, padding ? padding->layer->pad : 0, arena, l));
        else TRY(upgrade_v1(v1, l));
        (*out)[(*n_layers)++] = l;
    }
    return STATUS_OK;
}
