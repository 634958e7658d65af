/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vision preprocessing: everything that makes pictures of pictures. A call checks its arguments and
 * copies what its descriptions say into a job of items; a task of the stream works through them.
 */
#include <string.h>

#include "acl/dvpp/dvpp.h"

/* One picture made of one: what happens and where. */
struct item {
    struct picture src, dst;
    struct rect crop, paste; /* of transforms */
    struct border_sizes border;
    struct dvpp_pic *out; /* gets the code */
};

enum work { TRANSFORM, TRANSFORM_IN_BORDER, MAKE_BORDER, PYRAMID, LOOKUP };

struct vpc {
    struct job job;
    enum work work;
    enum scaling scaling;
    enum csc csc;
    const struct dvpp_lut *lut;
    uint32_t n;
    struct item items[];
};

static enum media_status run_item(struct vpc *v, const struct item *i) {
    struct media *m = &v->job.media;
    switch (v->work) {
    case TRANSFORM_IN_BORDER:
    case TRANSFORM:
        MEDIA_TRY(picture_transform(m, &i->src, i->crop, &i->dst, i->paste, v->scaling, v->csc));
        if (v->work == TRANSFORM) return MEDIA_OK;
        return picture_border_around(m, &i->dst, i->paste, &i->border);
    case MAKE_BORDER: return picture_border(m, &i->src, &i->dst, &i->border);
    case PYRAMID: return picture_pyramid(m, &i->src, &i->dst);
    case LOOKUP: return picture_lookup(m, &i->src, &i->dst, v->lut->table);
    }
    return MEDIA_OK;
}

static aclError run_vpc(struct job *j) {
    struct vpc *v = (struct vpc *)j;
    aclError first = ACL_SUCCESS;
    for (uint32_t k = 0; k < v->n; k++) {
        enum media_status status = run_item(v, &v->items[k]);
        aclError code = job_fail(j, status, ACL_ERROR_FAILURE);
        if (v->items[k].out) atomic_store(&v->items[k].out->ret_code, (unsigned)code);
        if (first == ACL_SUCCESS) first = code;
    }
    return first;
}

/* ---- checks ---- */

static uint32_t align(uint32_t n, uint32_t to) { return (n + to - 1) / to * to; }

/* A stride that was left 0 is the smallest that every chip takes. */
static void default_strides(struct picture *p) {
    const struct format_info *f = format_info(p->format);
    if (!f) return;
    if (!p->stride) p->stride = align(p->width, 16) * f->bytes;
    if (!p->rows) p->rows = align(p->height, 2);
}

static aclError check_picture(const char *call, struct picture *p, const char *argument) {
    struct media m = dvpp_media();
    default_strides(p);
    TRY(dvpp_fail(call, &m, picture_check(&m, p, argument), ACL_ERROR_INVALID_PARAM));
    return _pk_private.memory_check(call, argument, p->data, picture_bytes(p));
}

static aclError check_input(const char *call, struct picture *p, const char *argument) {
    TRY(check_picture(call, p, argument));
    return strict_input(call, argument, p);
}

static aclError check_output(const char *call, struct picture *p, const char *argument) {
    TRY(check_picture(call, p, argument));
    return strict_output(call, argument, p);
}

/* An area inside a picture. */
static aclError get_area(const char *call, const acldvppRoiConfig *roi, const char *argument,
                         bool is_paste, const struct picture *p, struct rect *out) {
    struct dvpp_roi *r = dvpp_get(roi, HANDLE_DVPP_ROI, call, argument);
    if (!r) return ACL_ERROR_INVALID_PARAM;
    uint32_t left = atomic_load(&r->left), right = atomic_load(&r->right);
    uint32_t top = atomic_load(&r->top), bottom = atomic_load(&r->bottom);
    _pk_private.handle_release(roi);
    CHECK(left <= right && top <= bottom && right < p->width && bottom < p->height,
          ACL_ERROR_INVALID_PARAM,
          "%s: columns %u to %u and rows %u to %u do not lie inside %u x %u pixels", argument, left,
          right, top, bottom, p->width, p->height);
    *out = (struct rect){left, top, right + 1, bottom + 1};
    return strict_area(call, argument, *out, is_paste);
}

static struct rect whole(const struct picture *p) {
    return (struct rect){0, 0, p->width, p->height};
}

static aclError get_scaling(const char *call, const acldvppResizeConfig *config,
                            enum scaling *out) {
    if (!dvpp_get(config, HANDLE_DVPP_RESIZE, call, "resizeConfig")) return ACL_ERROR_INVALID_PARAM;
    _pk_private.handle_release(config);
    *out = (enum scaling)acldvppGetResizeConfigInterpolation(config);
    return ACL_SUCCESS;
}

static aclError get_border(const char *call, const acldvppBorderConfig *config,
                           const char *argument, struct border_sizes *out) {
    struct dvpp_border *b = dvpp_get(config, HANDLE_DVPP_BORDER, call, argument);
    if (!b) return ACL_ERROR_INVALID_PARAM;
    *out = (struct border_sizes){.left = atomic_load(&b->left),
                                 .top = atomic_load(&b->top),
                                 .right = atomic_load(&b->right),
                                 .bottom = atomic_load(&b->bottom),
                                 .type = (enum border)atomic_load(&b->type)};
    for (int i = 0; i < 4; i++) out->value[i] = atomic_load(&b->value[i]);
    _pk_private.handle_release(config);
    return ACL_SUCCESS;
}

/* ---- one picture to one picture ---- */

/* What the calls for one picture have in common. A config that a call does not have is absent, one
 * that it has must be good. */
struct request {
    const char *call;
    const acldvppChannelDesc *channel;
    const acldvppPicDesc *input, *output;
    bool has_crop, has_paste, has_resize, has_border, has_lut;
    bool same_size;  /* the output's size may be left 0 */
    bool not_on_310; /* the chip has no such call */
    const acldvppRoiConfig *crop, *paste;
    const acldvppResizeConfig *resize;
    const acldvppBorderConfig *border;
    const acldvppLutMap *lut;
    enum work work;
};

static aclError fill(const struct request *r, struct vpc *v) {
    const char *call = r->call;
    struct item *i = &v->items[0];
    struct dvpp_pic *in = dvpp_get(r->input, HANDLE_DVPP_PIC, call, "inputDesc");
    if (!in) return ACL_ERROR_INVALID_PARAM;
    i->src = pic_copy(in);
    _pk_private.handle_release(r->input);
    i->out = job_hold(&v->job, r->output, HANDLE_DVPP_PIC, "outputDesc");
    if (!i->out) return ACL_ERROR_INVALID_PARAM;
    i->dst = pic_copy(i->out);
    TRY(check_input(call, &i->src, "inputDesc"));
    if (r->same_size && (!i->dst.width || !i->dst.height)) {
        i->dst.width = i->src.width;
        i->dst.height = i->src.height;
    }
    TRY(check_output(call, &i->dst, "outputDesc"));
    i->crop = whole(&i->src);
    i->paste = whole(&i->dst);
    if (r->has_crop) TRY(get_area(call, r->crop, "cropArea", false, &i->src, &i->crop));
    if (r->has_paste) TRY(get_area(call, r->paste, "pasteArea", true, &i->dst, &i->paste));
    if (r->has_resize) TRY(get_scaling(call, r->resize, &v->scaling));
    if (r->has_border) TRY(get_border(call, r->border, "borderConfig", &i->border));
    if (r->has_lut) {
        v->lut = job_hold(&v->job, r->lut, HANDLE_DVPP_LUT, "lutMap");
        if (!v->lut) return ACL_ERROR_INVALID_PARAM;
    }
    return ACL_SUCCESS;
}

/* What the kind of work wants of the two pictures. */
static aclError check_pair(const char *call, enum work work, const struct item *i) {
    const struct picture *s = &i->src, *d = &i->dst;
    const struct border_sizes *b = &i->border;
    bool same_format = s->format == d->format;
    if (work == TRANSFORM) return strict_scale(call, i->crop, i->paste);
    if (work == MAKE_BORDER) {
        CHECK(same_format, ACL_ERROR_INVALID_PARAM,
              "outputDesc has format %d, inputDesc %d; a border changes no format", d->format,
              s->format);
        CHECK(d->width == s->width + b->left + b->right &&
                  d->height == s->height + b->top + b->bottom,
              ACL_ERROR_INVALID_PARAM,
              "outputDesc has %u x %u pixels; %u x %u with the border are %u x %u", d->width,
              d->height, s->width, s->height, s->width + b->left + b->right,
              s->height + b->top + b->bottom);
        const struct format_info *f = format_info(s->format);
        CHECK(!((b->left | b->right) & f->sub_x) && !((b->top | b->bottom) & f->sub_y),
              ACL_ERROR_INVALID_PARAM, "borderConfig: %s wants even sizes of its border", f->name);
    }
    if (work == PYRAMID)
        CHECK(same_format && d->width == (s->width + 1) / 2 && d->height == (s->height + 1) / 2,
              ACL_ERROR_INVALID_PARAM,
              "outputDesc must have the format of inputDesc and half its size, %u x %u pixels",
              (s->width + 1) / 2, (s->height + 1) / 2);
    if (work == LOOKUP)
        CHECK(same_format && d->width == s->width && d->height == s->height,
              ACL_ERROR_INVALID_PARAM,
              "outputDesc must have the format and size of inputDesc, %u x %u pixels", s->width,
              s->height);
    return ACL_SUCCESS;
}

static aclError submit(const struct request *r, aclrtStream stream) {
    struct channel_now channel;
    TRY(dvpp_need_channel(r->call, r->channel, DVPP_CHNMODE_VPC, &channel));
    if (r->not_on_310) TRY(strict_call(r->call));
    struct vpc *v = job_create(r->call, sizeof *v + sizeof v->items[0], MAX_HELD, run_vpc);
    if (!v) return ACL_ERROR_BAD_ALLOC;
    v->work = r->work;
    v->csc = (enum csc)channel.csc;
    v->n = 1;
    aclError code = fill(r, v);
    if (code == ACL_SUCCESS) code = check_pair(r->call, r->work, &v->items[0]);
    if (code != ACL_SUCCESS) {
        job_drop(&v->job);
        return code;
    }
    return job_submit(&v->job, stream);
}

aclError acldvppVpcResizeAsync(acldvppChannelDesc *channelDesc, acldvppPicDesc *inputDesc,
                               acldvppPicDesc *outputDesc, acldvppResizeConfig *resizeConfig,
                               aclrtStream stream) {
    return submit(&(struct request){.call = __func__,
                                    .channel = channelDesc,
                                    .input = inputDesc,
                                    .output = outputDesc,
                                    .has_resize = true,
                                    .resize = resizeConfig},
                  stream);
}

aclError acldvppVpcCropAsync(acldvppChannelDesc *channelDesc, acldvppPicDesc *inputDesc,
                             acldvppPicDesc *outputDesc, acldvppRoiConfig *cropArea,
                             aclrtStream stream) {
    return submit(&(struct request){.call = __func__,
                                    .channel = channelDesc,
                                    .input = inputDesc,
                                    .output = outputDesc,
                                    .has_crop = true,
                                    .crop = cropArea},
                  stream);
}

aclError acldvppVpcCropResizeAsync(acldvppChannelDesc *channelDesc, acldvppPicDesc *inputDesc,
                                   acldvppPicDesc *outputDesc, acldvppRoiConfig *cropArea,
                                   acldvppResizeConfig *resizeConfig, aclrtStream stream) {
    return submit(&(struct request){.call = __func__,
                                    .channel = channelDesc,
                                    .input = inputDesc,
                                    .output = outputDesc,
                                    .has_crop = true,
                                    .crop = cropArea,
                                    .has_resize = true,
                                    .resize = resizeConfig},
                  stream);
}

aclError acldvppVpcCropAndPasteAsync(acldvppChannelDesc *channelDesc, acldvppPicDesc *inputDesc,
                                     acldvppPicDesc *outputDesc, acldvppRoiConfig *cropArea,
                                     acldvppRoiConfig *pasteArea, aclrtStream stream) {
    return submit(&(struct request){.call = __func__,
                                    .channel = channelDesc,
                                    .input = inputDesc,
                                    .output = outputDesc,
                                    .has_crop = true,
                                    .crop = cropArea,
                                    .has_paste = true,
                                    .paste = pasteArea},
                  stream);
}

aclError acldvppVpcCropResizePasteAsync(acldvppChannelDesc *channelDesc, acldvppPicDesc *inputDesc,
                                        acldvppPicDesc *outputDesc, acldvppRoiConfig *cropArea,
                                        acldvppRoiConfig *pasteArea,
                                        acldvppResizeConfig *resizeConfig, aclrtStream stream) {
    return submit(&(struct request){.call = __func__,
                                    .channel = channelDesc,
                                    .input = inputDesc,
                                    .output = outputDesc,
                                    .has_crop = true,
                                    .crop = cropArea,
                                    .has_paste = true,
                                    .paste = pasteArea,
                                    .has_resize = true,
                                    .resize = resizeConfig},
                  stream);
}

aclError acldvppVpcConvertColorAsync(acldvppChannelDesc *channelDesc, acldvppPicDesc *inputDesc,
                                     acldvppPicDesc *outputDesc, aclrtStream stream) {
    return submit(&(struct request){.call = __func__,
                                    .channel = channelDesc,
                                    .input = inputDesc,
                                    .output = outputDesc,
                                    .same_size = true,
                                    .not_on_310 = true},
                  stream);
}

aclError acldvppVpcPyrDownAsync(acldvppChannelDesc *channelDesc, acldvppPicDesc *inputDesc,
                                acldvppPicDesc *outputDesc, void *reserve, aclrtStream stream) {
    (void)reserve;
    return submit(&(struct request){.call = __func__,
                                    .channel = channelDesc,
                                    .input = inputDesc,
                                    .output = outputDesc,
                                    .work = PYRAMID,
                                    .not_on_310 = true},
                  stream);
}

aclError acldvppVpcEqualizeHistAsync(const acldvppChannelDesc *channelDesc,
                                     const acldvppPicDesc *inputDesc, acldvppPicDesc *outputDesc,
                                     const acldvppLutMap *lutMap, aclrtStream stream) {
    return submit(&(struct request){.call = __func__,
                                    .channel = channelDesc,
                                    .input = inputDesc,
                                    .output = outputDesc,
                                    .has_lut = true,
                                    .lut = lutMap,
                                    .work = LOOKUP,
                                    .not_on_310 = true},
                  stream);
}

aclError acldvppVpcMakeBorderAsync(const acldvppChannelDesc *channelDesc,
                                   const acldvppPicDesc *inputDesc, acldvppPicDesc *outputDesc,
                                   const acldvppBorderConfig *borderConfig, aclrtStream stream) {
    return submit(&(struct request){.call = __func__,
                                    .channel = channelDesc,
                                    .input = inputDesc,
                                    .output = outputDesc,
                                    .has_border = true,
                                    .border = borderConfig,
                                    .work = MAKE_BORDER,
                                    .not_on_310 = true},
                  stream);
}

/* ---- batches ---- */

struct batch_request {
    const char *call;
    const acldvppChannelDesc *channel;
    const acldvppBatchPicDesc *input, *output;
    const uint32_t *roi_nums;
    uint32_t size;
    acldvppRoiConfig *const *crops, *const *pastes;
    acldvppBorderConfig *const *borders;
    const acldvppResizeConfig *resize;
    bool has_paste, has_border, has_resize;
};

/* The area for the picture inside its border. */
static aclError inside_border(const char *call, struct item *i) {
    const struct border_sizes *b = &i->border;
    const struct format_info *f = format_info(i->dst.format);
    CHECK(b->left + b->right < i->dst.width && b->top + b->bottom < i->dst.height,
          ACL_ERROR_INVALID_PARAM,
          "borderCfgs: borders of %u + %u columns and %u + %u rows leave nothing of %u x %u pixels",
          b->left, b->right, b->top, b->bottom, i->dst.width, i->dst.height);
    CHECK(!((b->left | b->right) & f->sub_x) && !((b->top | b->bottom) & f->sub_y),
          ACL_ERROR_INVALID_PARAM, "borderCfgs: %s wants even sizes of its border", f->name);
    i->paste = (struct rect){b->left, b->top, i->dst.width - b->right, i->dst.height - b->bottom};
    return ACL_SUCCESS;
}

static aclError fill_batch_item(const struct batch_request *r, struct vpc *v, uint32_t k,
                                const struct picture *src, const void *out) {
    const char *call = r->call;
    struct item *i = &v->items[k];
    i->src = *src;
    i->out = job_hold(&v->job, out, HANDLE_DVPP_PIC, "dstBatchPicDescs");
    if (!i->out) return ACL_ERROR_INVALID_PARAM;
    i->dst = pic_copy(i->out);
    TRY(check_output(call, &i->dst, "dstBatchPicDescs"));
    i->paste = whole(&i->dst);
    TRY(get_area(call, r->crops[k], "cropAreas", false, &i->src, &i->crop));
    if (r->has_paste) TRY(get_area(call, r->pastes[k], "pasteAreas", true, &i->dst, &i->paste));
    if (r->has_border) {
        TRY(get_border(call, r->borders[k], "borderCfgs", &i->border));
        TRY(inside_border(call, i));
    }
    return strict_scale(call, i->crop, i->paste);
}

static aclError fill_batch(const struct batch_request *r, struct vpc *v,
                           const struct dvpp_batch *in, const struct dvpp_batch *out) {
    uint32_t k = 0;
    for (uint32_t b = 0; b < r->size; b++) {
        struct dvpp_pic *p =
            dvpp_get(in->pics[b], HANDLE_DVPP_PIC, r->call, "srcBatchPicDescs");
        if (!p) return ACL_ERROR_INVALID_PARAM;
        struct picture src = pic_copy(p);
        _pk_private.handle_release(in->pics[b]);
        TRY(check_input(r->call, &src, "srcBatchPicDescs"));
        for (uint32_t i = 0; i < r->roi_nums[b]; i++, k++)
            TRY(fill_batch_item(r, v, k, &src, out->pics[k]));
    }
    return ACL_SUCCESS;
}

static aclError count_areas(const struct batch_request *r, const struct dvpp_batch *in,
                            const struct dvpp_batch *out, uint32_t *n) {
    const char *call = r->call;
    uint64_t sum = 0;
    CHECK(r->size >= 1 && r->size <= in->n, ACL_ERROR_INVALID_PARAM,
          "size is %u; srcBatchPicDescs has %u pictures", r->size, in->n);
    for (uint32_t b = 0; b < r->size; b++) sum += r->roi_nums[b];
    CHECK(sum >= 1 && sum <= out->n, ACL_ERROR_INVALID_PARAM,
          "roiNums add up to %llu; dstBatchPicDescs has %u pictures", (unsigned long long)sum,
          out->n);
    *n = (uint32_t)sum;
    return strict_batch(call, *n);
}

static aclError make_batch(const struct batch_request *r, const struct channel_now *channel,
                           const struct dvpp_batch *in, const struct dvpp_batch *out,
                           aclrtStream stream) {
    uint32_t n = 0;
    enum scaling scaling = SCALE_BILINEAR;
    if (r->has_resize) TRY(get_scaling(r->call, r->resize, &scaling));
    TRY(count_areas(r, in, out, &n));
    struct vpc *v = job_create(r->call, sizeof *v + n * sizeof v->items[0], n, run_vpc);
    if (!v) return ACL_ERROR_BAD_ALLOC;
    v->work = r->has_border ? TRANSFORM_IN_BORDER : TRANSFORM;
    v->csc = (enum csc)channel->csc;
    v->scaling = scaling;
    v->n = n;
    aclError code = fill_batch(r, v, in, out);
    if (code == ACL_SUCCESS) return job_submit(&v->job, stream);
    job_drop(&v->job);
    return code;
}

static aclError submit_batch(const struct batch_request *r, aclrtStream stream) {
    const char *call = r->call;
    struct channel_now channel;
    TRY(dvpp_need_channel(call, r->channel, DVPP_CHNMODE_VPC, &channel));
    if (r->has_border) TRY(strict_call(call));
    CHECK(r->roi_nums, ACL_ERROR_INVALID_PARAM, "roiNums is NULL");
    CHECK(r->crops, ACL_ERROR_INVALID_PARAM, "cropAreas is NULL");
    CHECK(r->pastes || !r->has_paste, ACL_ERROR_INVALID_PARAM, "pasteAreas is NULL");
    CHECK(r->borders || !r->has_border, ACL_ERROR_INVALID_PARAM, "borderCfgs is NULL");
    struct dvpp_batch *in = dvpp_get(r->input, HANDLE_DVPP_BATCH, call, "srcBatchPicDescs");
    if (!in) return ACL_ERROR_INVALID_PARAM;
    aclError code = ACL_ERROR_INVALID_PARAM;
    struct dvpp_batch *out = dvpp_get(r->output, HANDLE_DVPP_BATCH, call, "dstBatchPicDescs");
    if (out) {
        code = make_batch(r, &channel, in, out, stream);
        _pk_private.handle_release(r->output);
    }
    _pk_private.handle_release(r->input);
    return code;
}

#define BATCH_REQUEST                                                                              \
    .call = __func__, .channel = channelDesc, .input = srcBatchPicDescs, .roi_nums = roiNums,      \
    .size = size, .output = dstBatchPicDescs, .crops = cropAreas

aclError acldvppVpcBatchCropAsync(acldvppChannelDesc *channelDesc,
                                  acldvppBatchPicDesc *srcBatchPicDescs, uint32_t *roiNums,
                                  uint32_t size, acldvppBatchPicDesc *dstBatchPicDescs,
                                  acldvppRoiConfig *cropAreas[], aclrtStream stream) {
    return submit_batch(&(struct batch_request){BATCH_REQUEST}, stream);
}

aclError acldvppVpcBatchCropResizeAsync(acldvppChannelDesc *channelDesc,
                                        acldvppBatchPicDesc *srcBatchPicDescs, uint32_t *roiNums,
                                        uint32_t size, acldvppBatchPicDesc *dstBatchPicDescs,
                                        acldvppRoiConfig *cropAreas[],
                                        acldvppResizeConfig *resizeConfig, aclrtStream stream) {
    return submit_batch(
        &(struct batch_request){BATCH_REQUEST, .has_resize = true, .resize = resizeConfig}, stream);
}

aclError acldvppVpcBatchCropAndPasteAsync(acldvppChannelDesc *channelDesc,
                                          acldvppBatchPicDesc *srcBatchPicDescs, uint32_t *roiNums,
                                          uint32_t size, acldvppBatchPicDesc *dstBatchPicDescs,
                                          acldvppRoiConfig *cropAreas[],
                                          acldvppRoiConfig *pasteAreas[], aclrtStream stream) {
    return submit_batch(
        &(struct batch_request){BATCH_REQUEST, .has_paste = true, .pastes = pasteAreas}, stream);
}

aclError acldvppVpcBatchCropResizePasteAsync(
    acldvppChannelDesc *channelDesc, acldvppBatchPicDesc *srcBatchPicDescs, uint32_t *roiNums,
    uint32_t size, acldvppBatchPicDesc *dstBatchPicDescs, acldvppRoiConfig *cropAreas[],
    acldvppRoiConfig *pasteAreas[], acldvppResizeConfig *resizeConfig, aclrtStream stream) {
    return submit_batch(&(struct batch_request){BATCH_REQUEST,
                                                .has_paste = true,
                                                .pastes = pasteAreas,
                                                .has_resize = true,
                                                .resize = resizeConfig},
                        stream);
}

aclError acldvppVpcBatchCropResizeMakeBorderAsync(
    acldvppChannelDesc *channelDesc, acldvppBatchPicDesc *srcBatchPicDescs, uint32_t *roiNums,
    uint32_t size, acldvppBatchPicDesc *dstBatchPicDescs, acldvppRoiConfig *cropAreas[],
    acldvppBorderConfig *borderCfgs[], acldvppResizeConfig *resizeConfig, aclrtStream stream) {
    return submit_batch(&(struct batch_request){BATCH_REQUEST,
                                                .has_border = true,
                                                .borders = borderCfgs,
                                                .has_resize = true,
                                                .resize = resizeConfig},
                        stream);
}

/* ---- histograms ---- */

struct count {
    struct job job;
    struct picture picture;
    struct dvpp_hist *hist;
};

static aclError run_count(struct job *j) {
    struct count *c = (struct count *)j;
    int n = 0;
    aclError code = job_fail(
        j, picture_histogram(&j->media, &c->picture, c->hist->counts, &n), ACL_ERROR_FAILURE);
    atomic_store(&c->hist->n_channels, (unsigned)n);
    atomic_store(&c->hist->ret_code, (unsigned)code);
    return code;
}

aclError acldvppVpcCalcHistAsync(acldvppChannelDesc *channelDesc, acldvppPicDesc *srcPicDesc,
                                 acldvppHist *hist, void *reserve, aclrtStream stream) {
    const char *call = __func__;
    struct channel_now channel;
    (void)reserve;
    TRY(dvpp_need_channel(call, channelDesc, DVPP_CHNMODE_VPC, &channel));
    struct dvpp_pic *in = dvpp_get(srcPicDesc, HANDLE_DVPP_PIC, call, "srcPicDesc");
    if (!in) return ACL_ERROR_INVALID_PARAM;
    struct picture picture = pic_copy(in);
    _pk_private.handle_release(srcPicDesc);
    TRY(strict_call(call));
    TRY(check_input(call, &picture, "srcPicDesc"));
    struct count *c = job_create(call, sizeof *c, 1, run_count);
    if (!c) return ACL_ERROR_BAD_ALLOC;
    c->picture = picture;
    c->hist = job_hold(&c->job, hist, HANDLE_DVPP_HIST, "hist");
    if (!c->hist) {
        job_drop(&c->job);
        return ACL_ERROR_INVALID_PARAM;
    }
    return job_submit(&c->job, stream);
}
