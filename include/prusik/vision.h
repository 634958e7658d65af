/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detectors and classifiers on top of AscendCL: pictures in, boxes and classes out.
 *
 *     aclInit(NULL);  aclrtSetDevice(0);
 *     struct pk_network *net;
 *     struct pk_network_options options = {.confidence = 0.25f, .iou = 0.45f};
 *     if (pk_network_open("yolox.om", &options, &net)) puts(pk_error());
 *     struct pk_image image;
 *     if (pk_image_read("dog.jpg", &image)) puts(pk_error());
 *     struct pk_result result;
 *     if (pk_network_run(net, &image, &result)) puts(pk_error());
 *     for (int i = 0; i < result.n_detections; i++) ...
 *     pk_result_free(&result);  pk_image_free(&image);  pk_network_close(net);
 *     aclrtResetDevice(0);  aclFinalize();
 *
 * Nothing here but the pictures' decoders is outside AscendCL, so the same program runs wherever a
 * libascendcl.so is. Functions return 0, or -1 and leave a sentence in pk_error() (one per thread).
 * A network belongs to one thread at a time; several may be open at once.
 */
#ifndef PRUSIK_VISION_H
#define PRUSIK_VISION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The sentence of this thread's last failure; "" if none. */
const char *pk_error(void);

/* ---- pictures ---- */

/* Packed 8-bit RGB, rows of width * 3 bytes, top first. Owned by whoever asked for it. */
struct pk_image {
    int width, height;
    uint8_t *rgb;
};

/* Pictures larger than this many pixels are refused before memory is taken. */
#define PK_MAX_PIXELS 100000000

/* JPEG (baseline and progressive, EXIF orientation applied) and PNG, told apart by content. */
int pk_image_read(const char *path, struct pk_image *out);
/* The bytes of a file, at most PK_MAX_FILE_BYTES of them, for pk_image_decode(); free() them. */
#define PK_MAX_FILE_BYTES (512 << 20)
int pk_file_read(const char *path, void **bytes, size_t *n_bytes);
int pk_image_decode(const void *bytes, size_t n_bytes, const char *name, struct pk_image *out);
/* Format by the name's end: .png, .jpg or .jpeg. Written to a temporary file, then renamed. */
int pk_image_write(const char *path, const struct pk_image *image);
void pk_image_free(struct pk_image *image);

/* Bilinear, half-pixel centres, no antialiasing: OpenCV's INTER_LINEAR on 8-bit pictures, with the
 * same 11-bit weights. */
int pk_image_resize(const struct pk_image *image, int width, int height, struct pk_image *out);

/* ---- preprocessing ---- */

/* How a network family was trained; the table stands in vision/family.c. */
enum pk_family {
    PK_FAMILY_AUTO, /* from the shapes of the outputs, or from what the model says of itself */
    PK_YOLOX,       /* 0.1.1 and later: BGR 0..255, top-left letterbox */
    PK_YOLOX_MEANSTD, /* before that: RGB, ImageNet mean and deviation */
    PK_YOLOV5,      /* RGB 0..1, centred letterbox; one merged output or three raw heads */
    PK_YOLOV8,      /* and YOLO11: the same picture; one output 4 + classes by anchors */
    PK_NANODET,     /* BGR, mean and deviation, stretched; m and Plus */
    PK_SSD,         /* TensorFlow's: RGB 0..255, stretched; decoded boxes and scores */
    PK_IMAGENET,    /* torchvision: short side 256, centre 224, RGB, mean and deviation */
    PK_IMAGENET_CAFFE, /* the same crop, BGR, means 104 117 123 */
    PK_FAMILY_COUNT
};

const char *pk_family_name(enum pk_family f); /* "yolox", "yolox-meanstd", ... */
int pk_family_find(const char *name, enum pk_family *out);

enum pk_geometry {
    PK_TOP_LEFT, /* keep the ratio, pad right and bottom */
    PK_CENTRED,  /* keep the ratio, pad all round */
    PK_STRETCH,
    PK_CORNER,   /* stretched as TensorFlow 1 did; values 0..255 as they are */
    PK_CROP      /* short side 256/224 of the input, then the centre */
};

/* How a picture becomes input: scaled, in this order of colours, (value - mean) / deviation. */
struct pk_recipe {
    int bgr;
    enum pk_geometry geometry;
    float mean[3], deviation[3]; /* of values 0..255, in the network's order of channels */
    int pad;                     /* grey 0..255 around the picture, before mean and deviation */
};
const struct pk_recipe *pk_recipe_of(enum pk_family f);

/* Where the picture lies in the network's input: input = picture * scale + pad, each axis. */
struct pk_placement {
    float scale_x, scale_y, pad_x, pad_y;
};

/* Writes `image` as (3, height, width) floats the way `f` was trained. `out` holds 3*height*width
 * floats. */
int pk_preprocess(enum pk_family f, const struct pk_image *image, int width, int height, float *out,
                  struct pk_placement *placement);
/* The same by a recipe. */
int pk_prepare(const struct pk_recipe *r, const struct pk_image *image, int width, int height,
               float *out, struct pk_placement *placement);

/* ---- results ---- */

struct pk_detection {
    int class_id;
    float score;          /* 0..1 */
    float x1, y1, x2, y2; /* pixels of the picture, clipped to it */
};

/* The area that two boxes share over the area that either covers, 0 to 1; classes do not count. */
float pk_overlap(const struct pk_detection *a, const struct pk_detection *b);

struct pk_class {
    int class_id;
    float score; /* probability */
};

/* Wall-clock times of one run; infer holds the copies to and from the device. */
struct pk_timing {
    double preprocess_ms, infer_ms, postprocess_ms;
};

/* What one picture gave. pk_network_run() fills it, whatever was in it before; pk_result_free()
 * returns its memory and may be called on one that failed or is zeroed. */
struct pk_result {
    int n_detections; /* detectors: by falling score */
    struct pk_detection *detections;
    int n_classes; /* classifiers: by falling score, options.top of them */
    struct pk_class *classes;
    struct pk_timing timing;
};
void pk_result_free(struct pk_result *r);

/* ---- networks ---- */

struct pk_network;

/* Zeroed, or NULL in its place: the defaults. */
struct pk_network_options {
    enum pk_family family;
    float confidence; /* scores below are dropped; 0: 0.25 */
    float iou;        /* of per-class non-maximum suppression; 0: 0.45 */
    int max_detections; /* 0: 300 */
    int top;            /* classes a classifier reports; 0: 5 */
    const char *gear;   /* of a model with gears always this, "4" or "416,416"; NULL: the fewest
                         * pictures a run, and of sizes the one that suits the picture */
    int every_class;    /* a candidate counts for every class above `confidence`, not only for its
                         * best, as most authors evaluate; not with YOLOX, whose do not */
};

/* Loads an offline model onto the current device; needs aclInit() and aclrtSetDevice() before. Its
 * input must be one picture (1,3,height,width) or (1,height,width,3), float32 or float16, sizes
 * and number open to gears or not, or one picture with AIPP behind it: that is given bytes in its
 * format, of the size it takes, in which the picture lies as the family has it, and colours so that
 * the network gets its own order. With PK_FAMILY_AUTO the family is told from the outputs' shapes;
 * when none or several fit, the sentence names the shapes. *out is NULL on failure. */
int pk_network_open(const char *om_path, const struct pk_network_options *options,
                    struct pk_network **out);
/* A second network on the same loaded model, for another thread: weights are shared, buffers are
 * not. Both are closed, in any order. The thread needs aclrtSetDevice() as `from`'s had. */
int pk_network_share(struct pk_network *from, struct pk_network **out);
/* Before aclrtResetDevice(); NULL is fine. */
void pk_network_close(struct pk_network *n);
enum pk_family pk_network_family(const struct pk_network *n);
/* With gears: of the last run, or of the largest before there was one. */
void pk_network_input_size(const struct pk_network *n, int *width, int *height);
/* Whether that may be another for another picture: gears of several sizes, and none is set. */
int pk_network_sizes_vary(const struct pk_network *n);
int pk_network_classes(const struct pk_network *n);
/* Whether means and deviations lie in the model, in its static AIPP: those of a recipe then make no
 * difference. */
int pk_network_has_values(const struct pk_network *n);
/* From now on these thresholds; 0 in a field: its default. The family stays. */
void pk_network_set(struct pk_network *n, const struct pk_network_options *options);
/* From now on pictures are prepared so, whatever the family; NULL: as the family's are. Copied. */
void pk_network_prepare_as(struct pk_network *n, const struct pk_recipe *r);
/* From now on only these classes are found, or reported by a classifier. */
int pk_network_choose(struct pk_network *n, const int *classes, int n_classes);
/* Preprocesses, executes, decodes. The picture stays the caller's and unchanged. */
int pk_network_run(struct pk_network *n, const struct pk_image *image, struct pk_result *out);

/* ---- labels and drawing ---- */

struct pk_labels;
/* One name a line. NULL: the 80 COCO names; "": no names at all. */
int pk_labels_open(const char *path, struct pk_labels **out);
/* "class 7" when there is none: that text is the thread's, until its next such call. */
const char *pk_label(const struct pk_labels *l, int class_id);
/* The number of a class by its name; -1 when there is none. */
int pk_label_find(const struct pk_labels *l, const char *name);
void pk_labels_close(struct pk_labels *l);
/* Zeroed, or NULL in its place: the defaults. */
struct pk_style {
    int line_width;               /* pixels; 0: from the picture's size */
    int hide_labels, hide_scores; /* boxes alone; names alone */
};
/* Boxes with label and score, in a colour of the class, drawn onto the picture. */
int pk_draw(struct pk_image *image, const struct pk_detection *d, int n,
            const struct pk_labels *labels, const struct pk_style *style);
/* The classes and their scores, in the top left corner. */
int pk_draw_classes(struct pk_image *image, const struct pk_class *c, int n,
                    const struct pk_labels *labels, const struct pk_style *style);

#ifdef __cplusplus
}
#endif
#endif
