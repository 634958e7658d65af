/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures: formats and their memory, JPEG and PNG, scaling, colour. What the picture functions of
 * AscendCL do with pixels, as functions over memory; nothing here knows of handles or streams.
 *
 * Everything takes a `struct media`: where memory comes from, and where the sentence of a failure
 * goes. Sizes are checked against what was given before anything is read or written. Files (JPEG,
 * PNG) are not trusted: MEDIA_MAX_SIDE and MEDIA_MAX_PIXELS bound what they may claim, and the
 * output's memory is compared with the claim before any other memory is taken.
 */
#ifndef PK_MEDIA_H
#define PK_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum media_status {
    MEDIA_OK,
    MEDIA_MEMORY,      /* out of memory */
    MEDIA_ARGUMENT,    /* the call is wrong */
    MEDIA_DAMAGED,     /* a file is broken or ends early */
    MEDIA_UNSUPPORTED, /* a kind of file or format that is not handled */
    MEDIA_LIMIT        /* larger than the limits below */
};

enum { MEDIA_MAX_SIDE = 16384, MEDIA_MAX_PIXELS = 64 << 20 };

struct media {
    void *(*alloc)(size_t bytes);
    void (*free)(void *p);
    char text[256]; /* of the last failure */
};

enum media_status media_fail(struct media *m, enum media_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define MEDIA_TRY(expression)                                                                      \
    do {                                                                                           \
        enum media_status try_ = (expression);                                                     \
        if (try_ != MEDIA_OK) return try_;                                                         \
    } while (0)

/* ---- formats ---- */

/* Numbers are those of acldvppPixelFormat. In names, letters stand in the order of memory. */
enum pixel_format {
    FORMAT_GREY = 0,
    FORMAT_NV12 = 1, /* 4:2:0, U before V */
    FORMAT_NV21 = 2,
    FORMAT_NV16 = 3, /* 4:2:2 */
    FORMAT_NV61 = 4,
    FORMAT_NV24 = 5, /* 4:4:4 */
    FORMAT_NV42 = 6,
    FORMAT_YUYV = 7,
    FORMAT_UYVY = 8,
    FORMAT_YVYU = 9,
    FORMAT_VYUY = 10,
    FORMAT_YUV = 11, /* 4:4:4, three bytes a pixel */
    FORMAT_RGB = 12,
    FORMAT_BGR = 13,
    FORMAT_ARGB = 14,
    FORMAT_ABGR = 15,
    FORMAT_RGBA = 16,
    FORMAT_BGRA = 17,
    FORMAT_UV440 = 1000, /* 4:4:0, semi-planar */
    FORMAT_VU440 = 1001,
    FORMAT_UNKNOWN = 10000
};

enum format_kind {
    KIND_NONE, /* not a format that is handled */
    KIND_GREY,
    KIND_SEMIPLANAR, /* Y, then pairs of chroma */
    KIND_YUYV,       /* two pixels in four bytes */
    KIND_YUV,        /* Y, U, V of each pixel */
    KIND_RGB
};

struct format_info {
    const char *name;
    enum format_kind kind;
    uint8_t bytes;          /* of a pixel in the first plane */
    uint8_t sub_x, sub_y;   /* chroma has width >> sub_x columns and height >> sub_y rows */
    bool swapped;           /* V before U */
    uint8_t order[4];       /* KIND_RGB: where R, G, B, A are; KIND_YUYV: Y0, U, Y1, V */
};

/* NULL when the format is not handled. */
const struct format_info *format_info(int format);

/* ---- pictures in memory ---- */

struct picture {
    uint8_t *data;
    size_t bytes; /* that data has */
    int format;
    uint32_t width, height; /* pixels */
    uint32_t stride;        /* bytes from row to row of the first plane */
    uint32_t rows;          /* rows from the first plane to the second */
};

/* Interleaved channels of one byte. */
struct plane {
    uint8_t *data;
    size_t pitch; /* bytes from row to row */
    uint32_t width, height;
    uint32_t channels;
};

struct rect { /* pixels; right and bottom are the first outside */
    uint32_t left, top, right, bottom;
};

/* The bytes a picture takes in memory with its format, stride and rows; 0 when too many. */
size_t picture_bytes(const struct picture *p);
/* That the picture can be what it says: format, size, stride, memory. `what` begins sentences. */
enum media_status picture_check(struct media *m, const struct picture *p, const char *what);
/* The planes of a checked picture of kind GREY, SEMIPLANAR, YUV or RGB; how many there are. */
int picture_planes(const struct picture *p, struct plane planes[2]);
/* The chroma rectangle that covers a rectangle of pixels. */
struct rect rect_chroma(struct rect r, const struct format_info *f);

/* ---- scaling ---- */

enum scaling { /* numbers are those of acldvppSetResizeConfigInterpolation */
    SCALE_BILINEAR,    /* pixel centres, as OpenCV's INTER_LINEAR */
    SCALE_NEAREST,     /* floor(x * scale), as OpenCV's INTER_NEAREST */
    SCALE_BILINEAR_TF, /* x * scale, without half a pixel, as TensorFlow's old resize_bilinear */
    SCALE_NEAREST_TF,  /* the same for the nearest */
    SCALE_NEAREST_CENTRE, /* floor((x + 0.5) * scale) */
    N_SCALINGS
};

/* Scales one plane into another of the same number of channels. They must not overlap. */
enum media_status plane_scale(struct media *m, const struct plane *src, const struct plane *dst,
                              enum scaling scaling);

/* ---- colour ---- */

/* Numbers are those of acldvppCscMatrix. */
enum csc { CSC_601_WIDE, CSC_601_NARROW, CSC_709_WIDE, CSC_709_NARROW, CSC_2020_WIDE,
           CSC_2020_NARROW, N_CSC };

/* Rows of pixels between interleaved YUV, as Y and pairs of chroma at full size, and RGB. */
void csc_to_rgb(enum csc csc, const uint8_t *y, const uint8_t *uv, bool swapped, uint8_t *rgb,
                const struct format_info *to, uint32_t width);
void csc_to_yuv(enum csc csc, const uint8_t *rgb, const struct format_info *from, uint8_t *y,
                uint8_t *uv, uint32_t width);

/* ---- the one function behind resize, crop, paste and conversion of format ---- */

/* Puts `crop` of src, scaled, at `paste` of dst, converting the format on the way; nothing outside
 * `paste` changes, except that a chroma sample belongs to all pixels it covers. Both pictures must
 * have passed picture_check, and the rectangles lie inside. src and dst must not overlap. */
enum media_status picture_transform(struct media *m, const struct picture *src, struct rect crop,
                                    const struct picture *dst, struct rect paste,
                                    enum scaling scaling, enum csc csc);

/* ---- filters ---- */

enum border { /* numbers are those of acldvppBorderType */
    BORDERS_CONSTANT,
    BORDERS_REPLICATE, /* aaa|abcd */
    BORDERS_REFLECT,   /* cba|abcd */
    BORDERS_REFLECT_101 /* dcb|abcd */
};

struct border_sizes {
    uint32_t left, top, right, bottom; /* pixels */
    enum border type;
    double value[4]; /* of BORDERS_CONSTANT, a channel each; semi-planar: Y, U, V */
};

/* dst is src with a border around, both of one format, dst larger by the border's sizes. */
enum media_status picture_border(struct media *m, const struct picture *src,
                                 const struct picture *dst, const struct border_sizes *b);
/* The border alone around `inside` of a picture, from what lies there. */
enum media_status picture_border_around(struct media *m, const struct picture *p,
                                        struct rect inside, const struct border_sizes *b);
/* Half the size, after a 5 x 5 binomial filter with reflected borders, as OpenCV's pyrDown. */
enum media_status picture_pyramid(struct media *m, const struct picture *src,
                                  const struct picture *dst);
/* Looks each byte of channel c up in table[c]; dst may be src. Channels: Y, U, V or R, G, B. */
enum media_status picture_lookup(struct media *m, const struct picture *src,
                                 const struct picture *dst, const uint8_t table[3][256]);
/* Counts the values of each channel, which are numbered as above. */
enum media_status picture_histogram(struct media *m, const struct picture *p,
                                    uint32_t counts[3][256], int *n_channels);

/* ---- files ---- */

/* Numbers are those of acldvppJpegFormat. */
enum jpeg_sampling { JPEG_444, JPEG_422, JPEG_420, JPEG_GREY, JPEG_440, JPEG_411,
                     JPEG_OTHER = 1000 };

struct jpeg_info {
    uint32_t width, height; /* as stored, before turning */
    int components;
    enum jpeg_sampling sampling;
    int orientation; /* 1 to 8, of the Exif data; 1 when there is none */
    bool is_progressive, is_arithmetic;
};

enum media_status jpeg_info(struct media *m, const void *data, size_t bytes, struct jpeg_info *out);
/* Whether width and height change places when the picture is turned upright. */
static inline bool jpeg_is_turned(const struct jpeg_info *i) { return i->orientation >= 5; }
/* The semi-planar or grey format with the file's own sampling, V first; after turning. */
int jpeg_own_format(const struct jpeg_info *i);
/* Decodes, turned upright, into a picture that passed picture_check; its size may be one pixel
 * less than the file's to the right and below, where a format wants even sizes. */
enum media_status jpeg_decode(struct media *m, const void *data, size_t bytes,
                              const struct picture *out);
/* The most bytes that jpeg_encode may need. */
size_t jpeg_bound(uint32_t width, uint32_t height, int format);
/* Encodes NV12, NV21 or packed 4:2:2 with quality 1 to 100; *bytes is the room, then the size. */
enum media_status jpeg_encode(struct media *m, const struct picture *p, int quality, void *to,
                              size_t *bytes);

struct png_info {
    uint32_t width, height;
    int components; /* 1 grey, 2 with alpha, 3 colour (or a palette), 4 with alpha */
};

enum media_status png_info(struct media *m, const void *data, size_t bytes, struct png_info *out);
/* Decodes into a picture of kind RGB that passed picture_check and has the file's size. */
enum media_status png_decode(struct media *m, const void *data, size_t bytes,
                             const struct picture *out);

#endif
