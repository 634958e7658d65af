/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.media: pictures (acl/ops/acl_dvpp.h). Descriptions are integers. Batch calls take lists: how
 * many areas each source picture has, and the areas. Those that samples unpack into two give back
 * the batch of results and the code, as pyACL does; the others the code alone.
 */
#include "binding.h"

#include "acl/ops/acl_dvpp.h"

#define NAME(rest) "acl.media.dvpp_" rest

MAKE1(dvpp_malloc, NAME("malloc"), acldvppMalloc, z)
CODE1(dvpp_free, NAME("free"), acldvppFree, p)

/* ---- channels ---- */

GET0(dvpp_create_channel_desc, NAME("create_channel_desc"), acldvppCreateChannelDesc, address)
CODE1(dvpp_destroy_channel_desc, NAME("destroy_channel_desc"), acldvppDestroyChannelDesc, p)
CODE1(dvpp_create_channel, NAME("create_channel"), acldvppCreateChannel, p)
CODE1(dvpp_destroy_channel, NAME("destroy_channel"), acldvppDestroyChannel, p)
GET1(dvpp_get_channel_desc_channel_id, NAME("get_channel_desc_channel_id"),
     acldvppGetChannelDescChannelId, p, size_value)
CODE2(dvpp_set_channel_desc_mode, NAME("set_channel_desc_mode"), acldvppSetChannelDescMode, p, u)

/* The value stands for itself; its length, which C wants, may be given before it. */
METHOD(dvpp_set_channel_desc_param) {
    void *desc;
    int32_t type;
    size_t length = 0;
    uint64_t value;
    bool ok = PyTuple_Size(args) == 4
                  ? take(args, NAME("set_channel_desc_param"), "pizU", &desc, &type, &length,
                         &value)
                  : take(args, NAME("set_channel_desc_param"), "piU", &desc, &type, &value);
    if (!ok) return NULL;
    return code_only(acldvppSetChannelDescParam(desc, (acldvppChannelDescParamType)type,
                                                length ? length : sizeof value, &value));
}

METHOD(dvpp_get_channel_desc_param) {
    void *desc;
    int32_t type;
    size_t length = sizeof(uint64_t), size = 0;
    uint64_t value = 0;
    if (!take(args, NAME("get_channel_desc_param"), "pi|z", &desc, &type, &length)) return NULL;
    if (length > sizeof value) length = sizeof value;
    aclError code = acldvppGetChannelDescParam(desc, (acldvppChannelDescParamType)type, length,
                                               &size, &value);
    return number_and_code((long long)value, code);
}

/* ---- pictures ---- */

GET0(dvpp_create_pic_desc, NAME("create_pic_desc"), acldvppCreatePicDesc, address)
CODE1(dvpp_destroy_pic_desc, NAME("destroy_pic_desc"), acldvppDestroyPicDesc, p)
#define PIC_FIELD(field, Field, letter, build)                                                     \
    CODE2(dvpp_set_pic_desc_##field, NAME("set_pic_desc_" #field), acldvppSetPicDesc##Field, p,    \
          letter)                                                                                  \
    GET1(dvpp_get_pic_desc_##field, NAME("get_pic_desc_" #field), acldvppGetPicDesc##Field, p,     \
         build)
PIC_FIELD(data, Data, p, address)
PIC_FIELD(size, Size, u, size_value)
PIC_FIELD(format, Format, u, size_value)
PIC_FIELD(width, Width, u, size_value)
PIC_FIELD(height, Height, u, size_value)
PIC_FIELD(width_stride, WidthStride, u, size_value)
PIC_FIELD(height_stride, HeightStride, u, size_value)
PIC_FIELD(ret_code, RetCode, u, size_value)

GET1(dvpp_create_batch_pic_desc, NAME("create_batch_pic_desc"), acldvppCreateBatchPicDesc, u,
     address)
CODE1(dvpp_destroy_batch_pic_desc, NAME("destroy_batch_pic_desc"), acldvppDestroyBatchPicDesc, p)
GET2(dvpp_get_pic_desc, NAME("get_pic_desc"), acldvppGetPicDesc, p, u, address)

/* ---- pieces of a stream ---- */

GET0(dvpp_create_stream_desc, NAME("create_stream_desc"), acldvppCreateStreamDesc, address)
CODE1(dvpp_destroy_stream_desc, NAME("destroy_stream_desc"), acldvppDestroyStreamDesc, p)
#define STREAM_FIELD(field, Field, letter, build)                                                  \
    CODE2(dvpp_set_stream_desc_##field, NAME("set_stream_desc_" #field),                           \
          acldvppSetStreamDesc##Field, p, letter)                                                  \
    GET1(dvpp_get_stream_desc_##field, NAME("get_stream_desc_" #field),                            \
         acldvppGetStreamDesc##Field, p, build)
STREAM_FIELD(data, Data, p, address)
STREAM_FIELD(size, Size, u, size_value)
STREAM_FIELD(format, Format, u, size_value)
STREAM_FIELD(ret_code, RetCode, u, size_value)
STREAM_FIELD(timestamp, Timestamp, U, size_value)

static aclError set_eos(void *desc, uint32_t eos) {
    return acldvppSetStreamDescEos(desc, eos != 0);
}
CODE2(dvpp_set_stream_desc_eos, NAME("set_stream_desc_eos"), set_eos, p, u)
GET1(dvpp_get_stream_desc_eos, NAME("get_stream_desc_eos"), acldvppGetStreamDescEos, p, size_value)

/* ---- configurations ---- */

METHOD(dvpp_create_roi_config) {
    uint32_t left, right, top, bottom;
    if (!take(args, NAME("create_roi_config"), "uuuu", &left, &right, &top, &bottom)) return NULL;
    return address(acldvppCreateRoiConfig(left, right, top, bottom));
}
CODE1(dvpp_destroy_roi_config, NAME("destroy_roi_config"), acldvppDestroyRoiConfig, p)
CODE5(dvpp_set_roi_config, NAME("set_roi_config"), acldvppSetRoiConfig, p, u, u, u, u)
CODE2(dvpp_set_roi_config_left, NAME("set_roi_config_left"), acldvppSetRoiConfigLeft, p, u)
CODE2(dvpp_set_roi_config_right, NAME("set_roi_config_right"), acldvppSetRoiConfigRight, p, u)
CODE2(dvpp_set_roi_config_top, NAME("set_roi_config_top"), acldvppSetRoiConfigTop, p, u)
CODE2(dvpp_set_roi_config_bottom, NAME("set_roi_config_bottom"), acldvppSetRoiConfigBottom, p, u)

GET0(dvpp_create_resize_config, NAME("create_resize_config"), acldvppCreateResizeConfig, address)
CODE1(dvpp_destroy_resize_config, NAME("destroy_resize_config"), acldvppDestroyResizeConfig, p)
CODE2(dvpp_set_resize_config_interpolation, NAME("set_resize_config_interpolation"),
      acldvppSetResizeConfigInterpolation, p, u)
GET1(dvpp_get_resize_config_interpolation, NAME("get_resize_config_interpolation"),
     acldvppGetResizeConfigInterpolation, p, size_value)

GET0(dvpp_create_jpege_config, NAME("create_jpege_config"), acldvppCreateJpegeConfig, address)
CODE1(dvpp_destroy_jpege_config, NAME("destroy_jpege_config"), acldvppDestroyJpegeConfig, p)
CODE2(dvpp_set_jpege_config_level, NAME("set_jpege_config_level"), acldvppSetJpegeConfigLevel, p, u)
GET1(dvpp_get_jpege_config_level, NAME("get_jpege_config_level"), acldvppGetJpegeConfigLevel, p,
     size_value)

GET0(dvpp_create_border_config, NAME("create_border_config"), acldvppCreateBorderConfig, address)
CODE1(dvpp_destroy_border_config, NAME("destroy_border_config"), acldvppDestroyBorderConfig, p)
#define BORDER_FIELD(field, Field)                                                                 \
    CODE2(dvpp_set_border_config_##field, NAME("set_border_config_" #field),                       \
          acldvppSetBorderConfig##Field, p, u)                                                     \
    GET1(dvpp_get_border_config_##field, NAME("get_border_config_" #field),                        \
         acldvppGetBorderConfig##Field, p, size_value)
BORDER_FIELD(border_type, BorderType)
BORDER_FIELD(left, Left)
BORDER_FIELD(right, Right)
BORDER_FIELD(top, Top)
BORDER_FIELD(bottom, Bottom)

METHOD(dvpp_set_border_config_value) {
    void *config;
    uint32_t index;
    float value;
    if (!take(args, NAME("set_border_config_value"), "puf", &config, &index, &value)) return NULL;
    return code_only(acldvppSetBorderConfigValue(config, index, (double)value));
}
GET2(dvpp_get_border_config_value, NAME("get_border_config_value"), acldvppGetBorderConfigValue, p,
     u, PyFloat_FromDouble)

/* ---- tables and histograms ---- */

/* (address, number of values, code); 3 tables of bytes, 3 histograms of uint32. */
static PyObject *data_length_code(const void *data, uint32_t length, aclError code) {
    return Py_BuildValue("(NNN)", address(data), size_value(length), code_only(code));
}

GET0(dvpp_create_lut_map, NAME("create_lut_map"), acldvppCreateLutMap, address)
CODE1(dvpp_destroy_lut_map, NAME("destroy_lut_map"), acldvppDestroyLutMap, p)
GET1(dvpp_get_lut_map_dims, NAME("get_lut_map_dims"), acldvppGetLutMapDims, p, size_value)
METHOD(dvpp_get_lut_map_data) {
    void *map;
    uint32_t dim, length = 0;
    uint8_t *data = NULL;
    if (!take(args, NAME("get_lut_map_data"), "pu", &map, &dim)) return NULL;
    aclError code = acldvppGetLutMapData(map, dim, &data, &length);
    return data_length_code(data, length, code);
}

GET0(dvpp_create_hist, NAME("create_hist"), acldvppCreateHist, address)
CODE1(dvpp_destroy_hist, NAME("destroy_hist"), acldvppDestroyHist, p)
CODE1(dvpp_clear_hist, NAME("clear_hist"), acldvppClearHist, p)
GET1(dvpp_get_hist_dims, NAME("get_hist_dims"), acldvppGetHistDims, p, size_value)
GET1(dvpp_get_hist_ret_code, NAME("get_hist_ret_code"), acldvppGetHistRetCode, p, size_value)
METHOD(dvpp_get_hist_data) {
    void *hist;
    uint32_t dim;
    uint32_t *data = NULL;
    uint16_t length = 0;
    if (!take(args, NAME("get_hist_data"), "pu", &hist, &dim)) return NULL;
    aclError code = acldvppGetHistData(hist, dim, &data, &length);
    return data_length_code(data, length, code);
}

/* ---- files ---- */

METHOD(dvpp_jpeg_get_image_info) {
    void *data;
    uint32_t size, width = 0, height = 0;
    int32_t components = 0;
    if (!take(args, NAME("jpeg_get_image_info"), "pu", &data, &size)) return NULL;
    aclError code = UNLOCKED(acldvppJpegGetImageInfo(data, size, &width, &height, &components));
    return Py_BuildValue("(IIii)", width, height, components, (int)code);
}

METHOD(dvpp_jpeg_get_image_info_v2) {
    void *data;
    uint32_t size, width = 0, height = 0;
    int32_t components = 0;
    acldvppJpegFormat format = ACL_JPEG_CSS_UNKNOWN;
    if (!take(args, NAME("jpeg_get_image_info_v2"), "pu", &data, &size)) return NULL;
    aclError code =
        UNLOCKED(acldvppJpegGetImageInfoV2(data, size, &width, &height, &components, &format));
    return Py_BuildValue("(IIiii)", width, height, components, (int)format, (int)code);
}

METHOD(dvpp_png_get_image_info) {
    void *data;
    uint32_t size, width = 0, height = 0;
    int32_t components = 0;
    if (!take(args, NAME("png_get_image_info"), "pu", &data, &size)) return NULL;
    aclError code = UNLOCKED(acldvppPngGetImageInfo(data, size, &width, &height, &components));
    return Py_BuildValue("(IIii)", width, height, components, (int)code);
}

METHOD(dvpp_jpeg_predict_dec_size) {
    void *data;
    uint32_t size, format, out = 0;
    if (!take(args, NAME("jpeg_predict_dec_size"), "puu", &data, &size, &format)) return NULL;
    aclError code =
        UNLOCKED(acldvppJpegPredictDecSize(data, size, (acldvppPixelFormat)format, &out));
    return number_and_code(out, code);
}

METHOD(dvpp_png_predict_dec_size) {
    void *data;
    uint32_t size, format, out = 0;
    if (!take(args, NAME("png_predict_dec_size"), "puu", &data, &size, &format)) return NULL;
    aclError code =
        UNLOCKED(acldvppPngPredictDecSize(data, size, (acldvppPixelFormat)format, &out));
    return number_and_code(out, code);
}

TELL2(dvpp_jpeg_predict_enc_size, NAME("jpeg_predict_enc_size"), acldvppJpegPredictEncSize,
      uint32_t, p, p)
CODE5(dvpp_jpeg_decode_async, NAME("jpeg_decode_async"), acldvppJpegDecodeAsync, p, p, u, p, p)
CODE5(dvpp_png_decode_async, NAME("png_decode_async"), acldvppPngDecodeAsync, p, p, u, p, p)

/* The size comes as the address of a uint32: the room, and in the end what was written. */
METHOD(dvpp_jpeg_encode_async) {
    void *channel, *input, *data, *size, *config, *stream;
    if (!take(args, NAME("jpeg_encode_async"), "pppppp", &channel, &input, &data, &size, &config,
              &stream))
        return NULL;
    return code_only(
        UNLOCKED(acldvppJpegEncodeAsync(channel, input, data, size, config, stream)));
}

/* ---- pictures of pictures ---- */

CODE4(dvpp_vpc_convert_color_async, NAME("vpc_convert_color_async"), acldvppVpcConvertColorAsync, p,
      p, p, p)
CODE5(dvpp_vpc_resize_async, NAME("vpc_resize_async"), acldvppVpcResizeAsync, p, p, p, p, p)
CODE5(dvpp_vpc_crop_async, NAME("vpc_crop_async"), acldvppVpcCropAsync, p, p, p, p, p)
CODE5(dvpp_vpc_equalize_hist_async, NAME("vpc_equalize_hist_async"), acldvppVpcEqualizeHistAsync, p,
      p, p, p, p)
CODE5(dvpp_vpc_make_border_async, NAME("vpc_make_border_async"), acldvppVpcMakeBorderAsync, p, p, p,
      p, p)
CODE5(dvpp_vpc_pyr_down_async, NAME("vpc_pyr_down_async"), acldvppVpcPyrDownAsync, p, p, p, p, p)
CODE5(dvpp_vpc_calc_hist_async, NAME("vpc_calc_hist_async"), acldvppVpcCalcHistAsync, p, p, p, p, p)

METHOD(dvpp_vpc_crop_resize_async) {
    void *channel, *in, *out, *crop, *resize, *stream;
    if (!take(args, NAME("vpc_crop_resize_async"), "pppppp", &channel, &in, &out, &crop, &resize,
              &stream))
        return NULL;
    return code_only(UNLOCKED(acldvppVpcCropResizeAsync(channel, in, out, crop, resize, stream)));
}

METHOD(dvpp_vpc_crop_and_paste_async) {
    void *channel, *in, *out, *crop, *paste, *stream;
    if (!take(args, NAME("vpc_crop_and_paste_async"), "pppppp", &channel, &in, &out, &crop, &paste,
              &stream))
        return NULL;
    return code_only(UNLOCKED(acldvppVpcCropAndPasteAsync(channel, in, out, crop, paste, stream)));
}

METHOD(dvpp_vpc_crop_resize_paste_async) {
    void *channel, *in, *out, *crop, *paste, *resize, *stream;
    if (!take(args, NAME("vpc_crop_resize_paste_async"), "ppppppp", &channel, &in, &out, &crop,
              &paste, &resize, &stream))
        return NULL;
    return code_only(
        UNLOCKED(acldvppVpcCropResizePasteAsync(channel, in, out, crop, paste, resize, stream)));
}

/* ---- batches ---- */

/* What the lists of a batch call become; every area list must have one for each area. */
struct batch {
    void *channel, *in, *out, *resize, *stream;
    PyObject *roi_nums, *crops, *others; /* others: where to paste, or borders */
    uint32_t *nums;
    void **crop_list, **other_list;
    size_t n;
};

static void **pointers(PyObject *list, const char *call, int argument, uint64_t n_wanted) {
    size_t n = 0;
    int64_t *values = take_list(list, call, argument, &n);
    if (!values) return NULL;
    if (n != n_wanted) {
        PyErr_Format(PyExc_ValueError, "%s(): argument %d has %zu items for %llu areas", call,
                     argument, n, (unsigned long long)n_wanted);
        PyMem_Free(values);
        return NULL;
    }
    _Static_assert(sizeof(void *) == sizeof(int64_t), "addresses have 64 bits");
    return (void **)values;
}

static bool batch_lists(struct batch *b, const char *call) {
    size_t n = 0;
    uint64_t n_areas = 0;
    b->nums = take_list_of_32(b->roi_nums, call, 3, false, &n);
    if (!b->nums) return false;
    for (size_t i = 0; i < n; i++) n_areas += b->nums[i];
    b->n = n;
    b->crop_list = pointers(b->crops, call, 5, n_areas);
    if (b->crop_list && b->others) b->other_list = pointers(b->others, call, 6, n_areas);
    return b->crop_list && (b->other_list || !b->others);
}

static void batch_free(struct batch *b) {
    PyMem_Free(b->nums);
    PyMem_Free(b->crop_list);
    PyMem_Free(b->other_list);
}

METHOD(dvpp_vpc_batch_crop_async) {
    struct batch b = {0};
    PyObject *result = NULL;
    if (!take(args, NAME("vpc_batch_crop_async"), "ppopop", &b.channel, &b.in, &b.roi_nums, &b.out,
              &b.crops, &b.stream))
        return NULL;
    if (batch_lists(&b, NAME("vpc_batch_crop_async"))) {
        aclError code = UNLOCKED(
            acldvppVpcBatchCropAsync(b.channel, b.in, b.nums, (uint32_t)b.n, b.out,
                                     (acldvppRoiConfig **)b.crop_list, b.stream));
        result = address_and_code(b.out, code);
    }
    batch_free(&b);
    return result;
}

METHOD(dvpp_vpc_batch_crop_and_paste_async) {
    struct batch b = {0};
    PyObject *result = NULL;
    if (!take(args, NAME("vpc_batch_crop_and_paste_async"), "ppopoop", &b.channel, &b.in,
              &b.roi_nums, &b.out, &b.crops, &b.others, &b.stream))
        return NULL;
    if (batch_lists(&b, NAME("vpc_batch_crop_and_paste_async"))) {
        aclError code = UNLOCKED(acldvppVpcBatchCropAndPasteAsync(
            b.channel, b.in, b.nums, (uint32_t)b.n, b.out, (acldvppRoiConfig **)b.crop_list,
            (acldvppRoiConfig **)b.other_list, b.stream));
        result = address_and_code(b.out, code);
    }
    batch_free(&b);
    return result;
}

METHOD(dvpp_vpc_batch_crop_resize_async) {
    struct batch b = {0};
    PyObject *result = NULL;
    if (!take(args, NAME("vpc_batch_crop_resize_async"), "ppopopp", &b.channel, &b.in, &b.roi_nums,
              &b.out, &b.crops, &b.resize, &b.stream))
        return NULL;
    if (batch_lists(&b, NAME("vpc_batch_crop_resize_async")))
        result = code_only(UNLOCKED(acldvppVpcBatchCropResizeAsync(
            b.channel, b.in, b.nums, (uint32_t)b.n, b.out, (acldvppRoiConfig **)b.crop_list,
            b.resize, b.stream)));
    batch_free(&b);
    return result;
}

METHOD(dvpp_vpc_batch_crop_resize_paste_async) {
    struct batch b = {0};
    PyObject *result = NULL;
    if (!take(args, NAME("vpc_batch_crop_resize_paste_async"), "ppopoopp", &b.channel, &b.in,
              &b.roi_nums, &b.out, &b.crops, &b.others, &b.resize, &b.stream))
        return NULL;
    if (batch_lists(&b, NAME("vpc_batch_crop_resize_paste_async")))
        result = code_only(UNLOCKED(acldvppVpcBatchCropResizePasteAsync(
            b.channel, b.in, b.nums, (uint32_t)b.n, b.out, (acldvppRoiConfig **)b.crop_list,
            (acldvppRoiConfig **)b.other_list, b.resize, b.stream)));
    batch_free(&b);
    return result;
}

METHOD(dvpp_vpc_batch_crop_resize_make_border_async) {
    struct batch b = {0};
    PyObject *result = NULL;
    if (!take(args, NAME("vpc_batch_crop_resize_make_border_async"), "ppopoopp", &b.channel, &b.in,
              &b.roi_nums, &b.out, &b.crops, &b.others, &b.resize, &b.stream))
        return NULL;
    if (batch_lists(&b, NAME("vpc_batch_crop_resize_make_border_async")))
        result = code_only(UNLOCKED(acldvppVpcBatchCropResizeMakeBorderAsync(
            b.channel, b.in, b.nums, (uint32_t)b.n, b.out, (acldvppRoiConfig **)b.crop_list,
            (acldvppBorderConfig **)b.other_list, b.resize, b.stream)));
    batch_free(&b);
    return result;
}

#define DVPP(name, doc) ROW("dvpp_" #name, dvpp_##name, "dvpp_" #name doc)
#define FIELD(of, argument, name)                                                                  \
    DVPP(set_##of##_##name, "(" argument ", " #name ") -> ret"),                                   \
        DVPP(get_##of##_##name, "(" argument ") -> its " #name)

PyMethodDef media_methods[] = {
    DVPP(malloc, "(size) -> (dev_ptr, ret)"),
    DVPP(free, "(dev_ptr) -> ret"),
    DVPP(create_channel_desc, "() -> channel_desc"),
    DVPP(destroy_channel_desc, "(channel_desc) -> ret"),
    DVPP(create_channel, "(channel_desc) -> ret"),
    DVPP(destroy_channel, "(channel_desc) -> ret"),
    DVPP(get_channel_desc_channel_id, "(channel_desc) -> channel_id"),
    DVPP(set_channel_desc_mode, "(channel_desc, mode) -> ret"),
    DVPP(set_channel_desc_param, "(channel_desc, param_type[, length], value) -> ret"),
    DVPP(get_channel_desc_param, "(channel_desc, param_type[, length]) -> (value, ret)"),
    DVPP(create_pic_desc, "() -> pic_desc"),
    DVPP(destroy_pic_desc, "(pic_desc) -> ret"),
    FIELD(pic_desc, "pic_desc", data),
    FIELD(pic_desc, "pic_desc", size),
    FIELD(pic_desc, "pic_desc", format),
    FIELD(pic_desc, "pic_desc", width),
    FIELD(pic_desc, "pic_desc", height),
    FIELD(pic_desc, "pic_desc", width_stride),
    FIELD(pic_desc, "pic_desc", height_stride),
    FIELD(pic_desc, "pic_desc", ret_code),
    DVPP(create_batch_pic_desc, "(batch_size) -> batch_pic_desc"),
    DVPP(destroy_batch_pic_desc, "(batch_pic_desc) -> ret"),
    DVPP(get_pic_desc, "(batch_pic_desc, index) -> pic_desc, which belongs to the batch"),
    DVPP(create_stream_desc, "() -> stream_desc"),
    DVPP(destroy_stream_desc, "(stream_desc) -> ret"),
    FIELD(stream_desc, "stream_desc", data),
    FIELD(stream_desc, "stream_desc", size),
    FIELD(stream_desc, "stream_desc", format),
    FIELD(stream_desc, "stream_desc", eos),
    FIELD(stream_desc, "stream_desc", ret_code),
    FIELD(stream_desc, "stream_desc", timestamp),
    DVPP(create_roi_config, "(left, right, top, bottom) -> roi_config"),
    DVPP(destroy_roi_config, "(roi_config) -> ret"),
    DVPP(set_roi_config, "(roi_config, left, right, top, bottom) -> ret"),
    DVPP(set_roi_config_left, "(roi_config, left) -> ret"),
    DVPP(set_roi_config_right, "(roi_config, right) -> ret"),
    DVPP(set_roi_config_top, "(roi_config, top) -> ret"),
    DVPP(set_roi_config_bottom, "(roi_config, bottom) -> ret"),
    DVPP(create_resize_config, "() -> resize_config"),
    DVPP(destroy_resize_config, "(resize_config) -> ret"),
    FIELD(resize_config, "resize_config", interpolation),
    DVPP(create_jpege_config, "() -> jpege_config"),
    DVPP(destroy_jpege_config, "(jpege_config) -> ret"),
    FIELD(jpege_config, "jpege_config", level),
    DVPP(create_border_config, "() -> border_config"),
    DVPP(destroy_border_config, "(border_config) -> ret"),
    FIELD(border_config, "border_config", border_type),
    FIELD(border_config, "border_config", left),
    FIELD(border_config, "border_config", right),
    FIELD(border_config, "border_config", top),
    FIELD(border_config, "border_config", bottom),
    DVPP(set_border_config_value, "(border_config, index, value) -> ret"),
    DVPP(get_border_config_value, "(border_config, index) -> value"),
    DVPP(create_lut_map, "() -> lut_map"),
    DVPP(destroy_lut_map, "(lut_map) -> ret"),
    DVPP(get_lut_map_dims, "(lut_map) -> dims"),
    DVPP(get_lut_map_data, "(lut_map, dim) -> (ptr, length, ret)"),
    DVPP(create_hist, "() -> hist"),
    DVPP(destroy_hist, "(hist) -> ret"),
    DVPP(clear_hist, "(hist) -> ret"),
    DVPP(get_hist_dims, "(hist) -> dims"),
    DVPP(get_hist_ret_code, "(hist) -> code of the count"),
    DVPP(get_hist_data, "(hist, dim) -> (ptr, length, ret)"),
    DVPP(jpeg_get_image_info, "(ptr, size) -> (width, height, components, ret)"),
    DVPP(jpeg_get_image_info_v2, "(ptr, size) -> (width, height, components, format, ret)"),
    DVPP(jpeg_predict_dec_size, "(ptr, size, format) -> (size, ret)"),
    DVPP(jpeg_predict_enc_size, "(pic_desc, jpege_config) -> (size, ret)"),
    DVPP(jpeg_decode_async, "(channel_desc, ptr, size, output_desc, stream) -> ret"),
    DVPP(jpeg_encode_async,
         "(channel_desc, input_desc, ptr, size_ptr, jpege_config, stream) -> ret"),
    DVPP(png_get_image_info, "(ptr, size) -> (width, height, components, ret)"),
    DVPP(png_predict_dec_size, "(ptr, size, format) -> (size, ret)"),
    DVPP(png_decode_async, "(channel_desc, ptr, size, output_desc, stream) -> ret"),
    DVPP(vpc_resize_async, "(channel_desc, input_desc, output_desc, resize_config, stream) -> ret"),
    DVPP(vpc_crop_async, "(channel_desc, input_desc, output_desc, crop_area, stream) -> ret"),
    DVPP(vpc_crop_resize_async,
         "(channel_desc, input_desc, output_desc, crop_area, resize_config, stream) -> ret"),
    DVPP(vpc_crop_and_paste_async,
         "(channel_desc, input_desc, output_desc, crop_area, paste_area, stream) -> ret"),
    DVPP(vpc_crop_resize_paste_async, "(channel_desc, input_desc, output_desc, crop_area, "
                                      "paste_area, resize_config, stream) -> ret"),
    DVPP(vpc_convert_color_async, "(channel_desc, input_desc, output_desc, stream) -> ret"),
    DVPP(vpc_pyr_down_async, "(channel_desc, input_desc, output_desc, reserve, stream) -> ret"),
    DVPP(vpc_equalize_hist_async,
         "(channel_desc, input_desc, output_desc, lut_map, stream) -> ret"),
    DVPP(vpc_make_border_async,
         "(channel_desc, input_desc, output_desc, border_config, stream) -> ret"),
    DVPP(vpc_calc_hist_async, "(channel_desc, src_pic_desc, hist, reserve, stream) -> ret"),
    DVPP(vpc_batch_crop_async, "(channel_desc, src_batch, roi_nums, dst_batch, crop_areas, stream) "
                               "-> (dst_batch, ret)"),
    DVPP(vpc_batch_crop_and_paste_async, "(channel_desc, src_batch, roi_nums, dst_batch, "
                                         "crop_areas, paste_areas, stream) -> (dst_batch, ret)"),
    DVPP(vpc_batch_crop_resize_async, "(channel_desc, src_batch, roi_nums, dst_batch, crop_areas, "
                                      "resize_config, stream) -> ret"),
    DVPP(vpc_batch_crop_resize_paste_async,
         "(channel_desc, src_batch, roi_nums, dst_batch, crop_areas, paste_areas, resize_config, "
         "stream) -> ret"),
    DVPP(vpc_batch_crop_resize_make_border_async,
         "(channel_desc, src_batch, roi_nums, dst_batch, crop_areas, border_configs, "
         "resize_config, stream) -> ret"),
    {NULL, NULL, 0, NULL}};
