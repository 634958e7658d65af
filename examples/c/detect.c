/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects on a photo, with YOLOX, in plain AscendCL: the whole walk of a program, step by step.
 *
 *     detect yolox_nano.om photo.jpg [threshold]
 *     cc detect.c -o detect -I$DDK_PATH/runtime/include -L$NPU_HOST_LIB -lascendcl -ljpeg -lm
 *
 * The model takes one picture, BGR from 0 to 255, planes one after the other (YOLOX 0.1.1 and
 * later, float32), and gives for every cell of three grids a box, a score for "some object" and one
 * for each class of COCO.
 */
#include <math.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "acl/acl.h"

/* ---- the picture ---- */

struct picture {
    int width, height;
    unsigned char *rgb;
};

struct jpeg_failure {
    struct jpeg_error_mgr base;
    jmp_buf where;
};

static void jpeg_failed(j_common_ptr info) {
    info->err->output_message(info);
    longjmp(((struct jpeg_failure *)info->err)->where, 1);
}

static int read_jpeg(const char *path, struct picture *out) {
    struct jpeg_decompress_struct info;
    struct jpeg_failure failure;
    FILE *volatile file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return -1;
    }
    out->rgb = NULL;
    info.err = jpeg_std_error(&failure.base);
    failure.base.error_exit = jpeg_failed;
    if (setjmp(failure.where)) {
        jpeg_destroy_decompress(&info);
        fclose(file);
        free(out->rgb);
        return -1;
    }
    jpeg_create_decompress(&info);
    jpeg_stdio_src(&info, file);
    jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_RGB;
    jpeg_start_decompress(&info);
    out->width = (int)info.output_width;
    out->height = (int)info.output_height;
    out->rgb = malloc((size_t)out->width * (size_t)out->height * 3);
    if (!out->rgb) longjmp(failure.where, 1);
    while (info.output_scanline < info.output_height) {
        JSAMPROW row = out->rgb + (size_t)info.output_scanline * (size_t)out->width * 3;
        jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    fclose(file);
    return 0;
}

/* Bilinear, at a place in the source's pixels. */
static float sample(const struct picture *p, float x, float y, int channel) {
    x = fminf(fmaxf(x, 0), (float)(p->width - 1));
    y = fminf(fmaxf(y, 0), (float)(p->height - 1));
    int x0 = (int)x, y0 = (int)y;
    int x1 = x0 + 1 < p->width ? x0 + 1 : x0, y1 = y0 + 1 < p->height ? y0 + 1 : y0;
    float fx = x - (float)x0, fy = y - (float)y0;
    const unsigned char *top = p->rgb + (size_t)y0 * (size_t)p->width * 3 + channel;
    const unsigned char *bottom = p->rgb + (size_t)y1 * (size_t)p->width * 3 + channel;
    float above = (float)top[x0 * 3] * (1 - fx) + (float)top[x1 * 3] * fx;
    float below = (float)bottom[x0 * 3] * (1 - fx) + (float)bottom[x1 * 3] * fx;
    return above * (1 - fy) + below * fy;
}

/* Scales the picture into the top left of the model's, the rest grey, as planes B, G, R. Pixel
 * centres lie at half-integers, as OpenCV has them. Returns the scale. */
static float letterbox(const struct picture *p, float *planes, int width, int height) {
    float scale = fminf((float)width / (float)p->width, (float)height / (float)p->height);
    int w = (int)((float)p->width * scale), h = (int)((float)p->height * scale);
    float step_x = (float)p->width / (float)w, step_y = (float)p->height / (float)h;
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                float from_x = ((float)x + 0.5f) * step_x - 0.5f;
                float from_y = ((float)y + 0.5f) * step_y - 0.5f;
                bool inside = x < w && y < h;
                *planes++ = inside ? roundf(sample(p, from_x, from_y, 2 - plane)) : 114;
            }
    return scale;
}

/* ---- what the model says ---- */

struct box {
    float x1, y1, x2, y2, score;
    int label;
};

static int higher_score(const void *a, const void *b) {
    float x = ((const struct box *)a)->score, y = ((const struct box *)b)->score;
    return (x < y) - (x > y);
}

static float overlap(const struct box *a, const struct box *b) {
    float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    float h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    if (w <= 0 || h <= 0) return 0;
    float both = w * h;
    return both / ((a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - both);
}

/* Boxes above the threshold, in the photo's pixels; of two that overlap and have one class, the
 * better. `boxes` has room for one a row. */
static int decode(const float *rows, int n_rows, int row_length, int width, int height, float scale,
                  float threshold, struct box *boxes) {
    int n = 0, kept = 0, row = 0;
    for (int stride = 8; stride <= 32; stride *= 2)
        for (int gy = 0; gy < height / stride; gy++)
            for (int gx = 0; gx < width / stride && row < n_rows; gx++, row++) {
                const float *r = rows + (size_t)row * (size_t)row_length;
                int best = 5;
                for (int c = 6; c < row_length; c++)
                    if (r[c] > r[best]) best = c;
                float score = r[4] * r[best];
                if (score < threshold) continue;
                float cx = (r[0] + (float)gx) * (float)stride;
                float cy = (r[1] + (float)gy) * (float)stride;
                float w = expf(r[2]) * (float)stride, h = expf(r[3]) * (float)stride;
                boxes[n++] = (struct box){(cx - w / 2) / scale, (cy - h / 2) / scale,
                                          (cx + w / 2) / scale, (cy + h / 2) / scale, score,
                                          best - 5};
            }
    qsort(boxes, (size_t)n, sizeof *boxes, higher_score);
    for (int i = 0; i < n; i++) {
        bool better = false; /* one that is kept covers it */
        for (int k = 0; k < kept && !better; k++)
            better = boxes[k].label == boxes[i].label && overlap(&boxes[k], &boxes[i]) > 0.45f;
        if (!better) boxes[kept++] = boxes[i];
    }
    return kept;
}

/* ---- AscendCL ---- */

struct session {
    int inited, device_set, loaded;
    aclrtContext context;
    uint32_t model;
    aclmdlDesc *desc;
    aclmdlDataset *input, *output;
};

#define TRY(call)                                                                                  \
    do {                                                                                           \
        aclError code_ = (call);                                                                   \
        if (code_ != ACL_SUCCESS) {                                                                \
            fprintf(stderr, "%d: %s\n", code_, aclGetRecentErrMsg());                              \
            return -1;                                                                             \
        }                                                                                          \
    } while (0)

/* A dataset of one buffer of `size` bytes of device memory. */
static int make_dataset(size_t size, aclmdlDataset **out) {
    void *memory;
    TRY(aclrtMalloc(&memory, size, ACL_MEM_MALLOC_HUGE_FIRST));
    *out = aclmdlCreateDataset();
    aclDataBuffer *buffer = aclCreateDataBuffer(memory, size);
    TRY(aclmdlAddDatasetBuffer(*out, buffer));
    return 0;
}

static void *memory_of(const aclmdlDataset *dataset) {
    return aclGetDataBufferAddr(aclmdlGetDatasetBuffer(dataset, 0));
}

static void drop_dataset(aclmdlDataset *dataset) {
    if (!dataset) return;
    for (size_t i = 0; i < aclmdlGetDatasetNumBuffers(dataset); i++) {
        aclDataBuffer *buffer = aclmdlGetDatasetBuffer(dataset, i);
        aclrtFree(aclGetDataBufferAddr(buffer));
        aclDestroyDataBuffer(buffer);
    }
    aclmdlDestroyDataset(dataset);
}

static int begin(struct session *s, const char *model) {
    TRY(aclInit(NULL));
    s->inited = 1;
    TRY(aclrtSetDevice(0));
    s->device_set = 1;
    TRY(aclrtCreateContext(&s->context, 0));
    TRY(aclmdlLoadFromFile(model, &s->model));
    s->loaded = 1;
    s->desc = aclmdlCreateDesc();
    TRY(aclmdlGetDesc(s->desc, s->model));
    if (make_dataset(aclmdlGetInputSizeByIndex(s->desc, 0), &s->input)) return -1;
    return make_dataset(aclmdlGetOutputSizeByIndex(s->desc, 0), &s->output);
}

static void finish(struct session *s) {
    drop_dataset(s->input);
    drop_dataset(s->output);
    if (s->desc) aclmdlDestroyDesc(s->desc);
    if (s->loaded) aclmdlUnload(s->model);
    if (s->context) aclrtDestroyContext(s->context);
    if (s->device_set) aclrtResetDevice(0);
    if (s->inited) aclFinalize();
}

static int detect(const struct session *s, const struct picture *photo, float threshold) {
    aclmdlIODims in, out;
    TRY(aclmdlGetInputDims(s->desc, 0, &in));
    TRY(aclmdlGetOutputDims(s->desc, 0, &out));
    if (in.dimCount != 4 || in.dims[1] != 3 || aclmdlGetInputDataType(s->desc, 0) != ACL_FLOAT ||
        out.dimCount != 3 || out.dims[2] < 6) {
        fprintf(stderr, "this is no YOLOX model: it takes [1,3,H,W] float32 and gives [1,N,5+C]\n");
        return -1;
    }
    int height = (int)in.dims[2], width = (int)in.dims[3];
    int n_rows = (int)out.dims[1], row_length = (int)out.dims[2];
    size_t in_size = aclmdlGetInputSizeByIndex(s->desc, 0);
    size_t out_size = aclmdlGetOutputSizeByIndex(s->desc, 0);
    float *planes = malloc(in_size), *rows = malloc(out_size);
    struct box *boxes = malloc((size_t)n_rows * sizeof *boxes);
    int n = -1;
    if (planes && rows && boxes) {
        float scale = letterbox(photo, planes, width, height);
        if (aclrtMemcpy(memory_of(s->input), in_size, planes, in_size, ACL_MEMCPY_HOST_TO_DEVICE) ||
            aclmdlExecute(s->model, s->input, s->output) ||
            aclrtMemcpy(rows, out_size, memory_of(s->output), out_size, ACL_MEMCPY_DEVICE_TO_HOST))
            fprintf(stderr, "%s\n", aclGetRecentErrMsg());
        else
            n = decode(rows, n_rows, row_length, width, height, scale, threshold, boxes);
    }
    for (int i = 0; i < n; i++)
        printf("class %2d  score %.3f  box %7.1f %7.1f %7.1f %7.1f\n", boxes[i].label,
               boxes[i].score, boxes[i].x1, boxes[i].y1, boxes[i].x2, boxes[i].y2);
    free(planes);
    free(rows);
    free(boxes);
    return n < 0 ? -1 : 0;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s MODEL.om PHOTO.jpg [THRESHOLD]\n", argv[0]);
        return 2;
    }
    struct picture photo;
    struct session s = {0};
    if (read_jpeg(argv[2], &photo)) return 1;
    int code = begin(&s, argv[1]);
    if (code == 0) code = detect(&s, &photo, argc > 3 ? (float)atof(argv[3]) : 0.3f);
    finish(&s);
    free(photo.rgb);
    return code == 0 ? 0 : 1;
}
