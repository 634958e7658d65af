/* SPDX-License-Identifier: Apache-2.0 */
/* Formats and parameters of AIPP; see aipp.h. */
#include "base/aipp.h"

#include <string.h>

static const struct aipp_layout formats[] = {
    {"YUV420SP_U8", AIPP_YUV420SP_U8, 3, 1, true, true, true},
    {"XRGB8888_U8", AIPP_XRGB8888_U8, 4, 4, false, false, false},
    {"RGB888_U8", AIPP_RGB888_U8, 3, 3, false, false, false},
    {"YUV400_U8", AIPP_YUV400_U8, 1, 1, true, false, false},
    {"ARGB8888_U8", AIPP_ARGB8888_U8, 4, 4, false, false, false},
    {"YUYV_U8", AIPP_YUYV_U8, 3, 2, true, true, false},
    {"YUV422SP_U8", AIPP_YUV422SP_U8, 3, 1, true, true, false},
    {"AYUV444_U8", AIPP_AYUV444_U8, 3, 3, true, false, false},
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

const struct aipp_layout *aipp_layout(int format) {
    for (int i = 0; i < N_FORMATS; i++)
        if (formats[i].format == format) return &formats[i];
    return NULL;
}

const char *aipp_format_name(int format) {
    const struct aipp_layout *f = aipp_layout(format);
    return f ? f->name : NULL;
}

int aipp_format_find(const char *name) {
    for (int i = 0; i < N_FORMATS; i++)
        if (!strcmp(formats[i].name, name)) return formats[i].format;
    return 0;
}

int aipp_format_channels(int format) {
    const struct aipp_layout *f = aipp_layout(format);
    return f ? f->channels : 0;
}

bool aipp_format_is_yuv(int format) {
    const struct aipp_layout *f = aipp_layout(format);
    return f && f->yuv;
}

int64_t aipp_rows(int format, int64_t h) {
    return format == AIPP_YUV420SP_U8 ? h * 3 / 2 : format == AIPP_YUV422SP_U8 ? h * 2 : h;
}

int64_t aipp_height(int format, int64_t rows) {
    if (format == AIPP_YUV420SP_U8) return rows / 3 * 2;
    return format == AIPP_YUV422SP_U8 ? rows / 2 : rows;
}

void aipp_init(struct aipp *a, int format, int w, int h) {
    *a = (struct aipp){.format = (enum aipp_format)format, .src_w = w, .src_h = h, .crop_w = w,
                       .crop_h = h, .channels = aipp_format_channels(format),
                       .var_reci = {1, 1, 1, 1}};
}

void aipp_output_size(const struct aipp *a, int *w, int *h) {
    *w = (a->resize ? a->resize_w : a->crop_w) + a->left + a->right;
    *h = (a->resize ? a->resize_h : a->crop_h) + a->top + a->bottom;
}
