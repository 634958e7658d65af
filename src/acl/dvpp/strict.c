/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PRUSIK_STRICT: the rules of sizes, strides and calls of one chip; what passes here should pass
 * there. Only rules that a public page or header states; docs/dvpp.md lists them with their
 * sources, and what is not known. A call that breaks one fails with a sentence that names the rule.
 */
#include "acl/dvpp/dvpp.h"

enum { ON_310 = 1 << CHIP_310, ON_310P = 1 << CHIP_310P, ON_310B = 1 << CHIP_310B,
       ON_ALL = ON_310 | ON_310P | ON_310B };

static const char *const names[] = {[CHIP_310] = "310", [CHIP_310P] = "310P", [CHIP_310B] = "310B"};

/* Fails when the condition does not hold and the chip is one of those named. */
#define RULE(chips, condition, code, format, ...)                                                  \
    do {                                                                                           \
        if ((1 << chip & (chips)) && !(condition))                                                 \
            return _pk_private.fail((code), call, "PRUSIK_STRICT=%s: " format, names[chip],        \
                                    __VA_ARGS__);                                                  \
    } while (0)

/* Returns success at once where nothing is strict. */
#define BEGIN()                                                                                    \
    bool is_strict;                                                                                \
    TRY(dvpp_strict(call, &is_strict));                                                            \
    if (!is_strict) return ACL_SUCCESS;                                                            \
    const enum chip chip = dvpp_chip()

aclError strict_call(const char *call) {
    BEGIN();
    RULE(ON_310, false, ACL_ERROR_FEATURE_UNSUPPORTED, "%s", "the chip has no such call");
    return ACL_SUCCESS;
}

static bool is_420(const struct picture *p) {
    return p->format == FORMAT_NV12 || p->format == FORMAT_NV21;
}

static aclError strides(const char *call, enum chip chip, const char *what,
                        const struct picture *p) {
    const struct format_info *f = format_info(p->format);
    RULE(ON_310 | ON_310P, p->stride >= 32 && p->stride <= 16384, ACL_ERROR_INVALID_PARAM,
         "%s: the width stride is %u; it is 32 to 16384", what, p->stride);
    RULE(ON_310B, p->stride >= 10 && p->stride <= 16384, ACL_ERROR_INVALID_PARAM,
         "%s: the width stride is %u; it is 10 to 16384", what, p->stride);
    RULE(ON_ALL, p->rows >= 6 && p->rows <= 16384, ACL_ERROR_INVALID_PARAM,
         "%s: the height stride is %u; it is 6 to 16384", what, p->rows);
    RULE(ON_310 | ON_310P, p->stride % (16U * f->bytes) == 0, ACL_ERROR_INVALID_PARAM,
         "%s: the width stride is %u; for %s it is a multiple of %u", what, p->stride, f->name,
         16U * f->bytes);
    RULE(ON_310, p->rows % 2 == 0, ACL_ERROR_INVALID_PARAM,
         "%s: the height stride is %u; it is even", what, p->rows);
    RULE(ON_310P, p->rows % 2 == 0 || !is_420(p), ACL_ERROR_INVALID_PARAM,
         "%s: the height stride is %u; for %s it is even", what, p->rows, f->name);
    RULE(ON_310, f->kind != KIND_GREY || p->bytes >= (size_t)p->stride * p->rows * 3 / 2,
         ACL_ERROR_INVALID_PARAM, "%s: YUV400 takes width stride x height stride x 3/2 bytes, %zu",
         what, (size_t)p->stride * p->rows * 3 / 2);
    return ACL_SUCCESS;
}

aclError strict_input(const char *call, const char *what, const struct picture *p) {
    BEGIN();
    RULE(ON_ALL, p->width >= 10 && p->height >= 6 && p->width <= 8192 && p->height <= 8192,
         ACL_ERROR_INVALID_PARAM, "%s: %u x %u pixels; an input has 10 x 6 to 8192 x 8192", what,
         p->width, p->height);
    RULE(ON_310, (p->width <= 4096 && p->height <= 4096) || is_420(p), ACL_ERROR_INVALID_PARAM,
         "%s: %u x %u pixels; beyond 4096 an input is NV12 or NV21", what, p->width, p->height);
    RULE(ON_ALL, format_info(p->format)->sub_y == 0 || format_info(p->format)->sub_x ||
                     p->width <= 4096,
         ACL_ERROR_INVALID_PARAM, "%s: %u columns; 4:4:0 has at most 4096", what, p->width);
    return strides(call, chip, what, p);
}

aclError strict_output(const char *call, const char *what, const struct picture *p) {
    BEGIN();
    const uint32_t highest = chip == CHIP_310B ? 8192 : 4096;
    RULE(ON_ALL, p->width >= 10 && p->height >= 6 && p->width <= 4096 && p->height <= highest,
         ACL_ERROR_INVALID_PARAM, "%s: %u x %u pixels; an output has 10 x 6 to 4096 x %u", what,
         p->width, p->height, highest);
    RULE(ON_ALL, !is_420(p) || (p->width % 2 == 0 && p->height % 2 == 0), ACL_ERROR_INVALID_PARAM,
         "%s: %u x %u pixels; sides of NV12 and NV21 are even", what, p->width, p->height);
    return strides(call, chip, what, p);
}

aclError strict_area(const char *call, const char *what, struct rect r, bool is_paste) {
    BEGIN();
    RULE(ON_ALL, r.left % 2 == 0 && r.top % 2 == 0, ACL_ERROR_INVALID_PARAM,
         "%s: left is %u and top %u; both are even", what, r.left, r.top);
    RULE(ON_ALL, r.right % 2 == 0 && r.bottom % 2 == 0, ACL_ERROR_INVALID_PARAM,
         "%s: right is %u and bottom %u; both are odd", what, r.right - 1, r.bottom - 1);
    RULE(ON_ALL, !is_paste || r.left % 16 == 0, ACL_ERROR_INVALID_PARAM,
         "%s: left is %u; where something is pasted, it is a multiple of 16", what, r.left);
    return ACL_SUCCESS;
}

aclError strict_scale(const char *call, struct rect from, struct rect to) {
    BEGIN();
    uint32_t width = from.right - from.left, height = from.bottom - from.top;
    uint32_t new_width = to.right - to.left, new_height = to.bottom - to.top;
    RULE(ON_310, new_width <= 16 * width && new_height <= 16 * height &&
                     width <= 32 * new_width && height <= 32 * new_height,
         ACL_ERROR_INVALID_PARAM, "from %u x %u to %u x %u pixels; the factor is 1/32 to 16", width,
         height, new_width, new_height);
    return ACL_SUCCESS;
}

aclError strict_batch(const char *call, uint32_t n_areas) {
    BEGIN();
    RULE(ON_ALL, n_areas <= 256, ACL_ERROR_INVALID_PARAM,
         "roiNums add up to %u; a batch has at most 256 areas", n_areas);
    return ACL_SUCCESS;
}

aclError strict_encode(const char *call, const char *what, const struct picture *p) {
    BEGIN();
    RULE(ON_ALL, p->width % 2 == 0 && (!is_420(p) || p->height % 2 == 0), ACL_ERROR_INVALID_PARAM,
         "%s: %u x %u pixels; what is encoded has an even width, 4:2:0 an even height too", what,
         p->width, p->height);
    RULE(ON_ALL, p->stride % 16 == 0, ACL_ERROR_INVALID_PARAM,
         "%s: the width stride is %u; it is a multiple of 16", what, p->stride);
    RULE(ON_ALL, p->rows == p->height || p->rows == (p->height + 15) / 16 * 16,
         ACL_ERROR_INVALID_PARAM,
         "%s: the height stride is %u; it is the height, %u, or that up to a multiple of 16", what,
         p->rows, p->height);
    return ACL_SUCCESS;
}

aclError strict_jpeg(const char *call, const struct jpeg_info *i) {
    BEGIN();
    RULE(ON_ALL, !i->is_progressive, ACL_ERROR_UNSUPPORTED_JPEG, "%s",
         "the JPEG is progressive; the chip decodes baseline only");
    RULE(ON_ALL, !i->is_arithmetic, ACL_ERROR_UNSUPPORTED_JPEG, "%s",
         "the JPEG has arithmetic coding; the chip decodes Huffman codes only");
    RULE(ON_ALL, i->sampling != JPEG_411, ACL_ERROR_UNSUPPORTED_JPEG, "%s",
         "the JPEG is sampled 4:1:1; the chip decodes 4:4:4, 4:2:2, 4:2:0, 4:4:0 and grey");
    return ACL_SUCCESS;
}

aclError strict_decoded(const char *call, const char *what, const struct picture *p,
                        uint32_t columns) {
    BEGIN();
    const struct format_info *f = format_info(p->format);
    RULE(ON_ALL, p->stride % (columns * f->bytes) == 0, ACL_ERROR_INVALID_PARAM,
         "%s: the width stride is %u; for %s it is a multiple of %u", what, p->stride, f->name,
         columns * f->bytes);
    RULE(ON_ALL, p->rows % 16 == 0, ACL_ERROR_INVALID_PARAM,
         "%s: the height stride is %u; it is a multiple of 16", what, p->rows);
    return ACL_SUCCESS;
}

aclError strict_png(const char *call, const struct png_info *i) {
    BEGIN();
    RULE(ON_ALL, i->width >= 32 && i->height >= 32 && i->width <= 4096 && i->height <= 4096,
         ACL_ERROR_INVALID_PARAM, "the PNG has %u x %u pixels; it has 32 x 32 to 4096 x 4096",
         i->width, i->height);
    return ACL_SUCCESS;
}

aclError strict_video(const char *call, uint32_t number, int format, uint32_t width) {
    BEGIN();
    RULE(ON_310, number <= 31, ACL_ERROR_INVALID_PARAM,
         "channelDesc: the channel's number is %u; it is 0 to 31", number);
    RULE(ON_310, format == FORMAT_NV12 || format == FORMAT_NV21, ACL_ERROR_FEATURE_UNSUPPORTED,
         "channelDesc: format %d; frames come as NV12 or NV21", format);
    RULE(ON_310, !width, ACL_ERROR_FEATURE_UNSUPPORTED, "%s",
         "channelDesc: frames have the size of the stream, scale them with VPC");
    return ACL_SUCCESS;
}
