/* SPDX-License-Identifier: Apache-2.0 */
/* The preprocessing that was found, as an AIPP configuration and as Python. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "convert.h"
#include "doctor.h"
#include "folder.h"

/* AIPP subtracts a whole number and a float16 and multiplies by a float16; means and deviations
 * are in the network's order of channels, after the swap. */
static void write_aipp(FILE *f, const struct trial *t, const struct input_size *size) {
    const struct pk_recipe *r = &t->recipe;
    fprintf(f, "# %s, %s, %s; the program gives RGB pictures of %d x %d bytes, scaled so.\n",
            r->bgr ? "BGR" : "RGB", t->scale, t->geometry, size->width, size->height);
    if (size->largest) fputs("# That is the size of the model's largest gear.\n", f);
    fprintf(f, "aipp_op {\n  aipp_mode: static\n  input_format: RGB888_U8\n"
               "  src_image_size_w: %d\n  src_image_size_h: %d\n  rbuv_swap_switch: %s\n",
            size->width, size->height, r->bgr ? "true" : "false");
    for (int c = 0; c < 3; c++) {
        int whole = (int)floorf(r->mean[c]);
        fprintf(f, "  mean_chn_%d: %d\n", c, whole);
        if (r->mean[c] > (float)whole)
            fprintf(f, "  min_chn_%d: %.6g\n", c, r->mean[c] - (float)whole);
        fprintf(f, "  var_reci_chn_%d: %.9g\n", c, 1 / r->deviation[c]);
    }
    fputs("}\n", f);
}

static const char *place(enum pk_geometry g) {
    switch (g) {
    case PK_TOP_LEFT:
        return "    k = min(W / w, H / h)\n"
               "    small = cv2.resize(bgr, (int(w * k), int(h * k)))\n"
               "    x = np.full((H, W, 3), PAD, np.uint8)\n"
               "    x[: small.shape[0], : small.shape[1]] = small\n";
    case PK_CENTRED:
        return "    k = min(W / w, H / h)\n"
               "    small = cv2.resize(bgr, (round(w * k), round(h * k)))\n"
               "    x = np.full((H, W, 3), PAD, np.uint8)\n"
               "    top, left = round((H - small.shape[0]) / 2 - 0.1), "
               "round((W - small.shape[1]) / 2 - 0.1)\n"
               "    x[top : top + small.shape[0], left : left + small.shape[1]] = small\n";
    case PK_CROP:
        return "    short = round(W * 256 / 224)\n"
               "    size = (short, int(short * h / w)) if w <= h else (int(short * w / h), short)\n"
               "    big = cv2.resize(bgr, size)\n"
               "    top, left = round((size[1] - H) / 2), round((size[0] - W) / 2)\n"
               "    x = big[top : top + H, left : left + W]\n";
    default: return "    x = cv2.resize(bgr, (W, H))\n";
    }
}

static void write_python(FILE *f, const struct trial *t, const struct input_size *size) {
    const struct pk_recipe *r = &t->recipe;
    fprintf(f, "# %s, %s, %s\nimport cv2\nimport numpy as np\n\n%sW, H, PAD = %d, %d, %d\n"
               "MEAN = np.float32([%.9g, %.9g, %.9g])\n"
               "DEVIATION = np.float32([%.9g, %.9g, %.9g])\n",
            r->bgr ? "BGR" : "RGB", t->scale, t->geometry,
            size->largest ? "# The model's largest gear; for another set its width and height.\n"
                          : "",
            size->width, size->height, r->pad, r->mean[0], r->mean[1], r->mean[2],
            r->deviation[0], r->deviation[1], r->deviation[2]);
    fprintf(f, "\n\ndef prepare(bgr):\n    \"\"\"A picture as cv2.imread gives it; the network's "
               "input, float32 [1, 3, H, W].\"\"\"\n    h, w = bgr.shape[:2]\n%s",
            place(r->geometry));
    if (!r->bgr) fputs("    x = x[..., ::-1]\n", f);
    fputs("    x = (x.astype(np.float32) - MEAN) / DEVIATION\n"
          "    return np.ascontiguousarray(x.transpose(2, 0, 1)[None])\n", f);
}

static int write_file(const char *folder, const char *name, const struct trial *t,
                      const struct input_size *size,
                      void (*write)(FILE *f, const struct trial *t,
                                    const struct input_size *size)) {
    FILE *f = folder_file("doctor", folder, name);
    if (!f) return EXIT_FAILED;
    write(f, t, size);
    int bad = ferror(f);
    if (fclose(f) || bad)
        return app_fail("doctor", "%s/%s cannot be written; is the disk full?", folder, name);
    return EXIT_OK;
}

static int say_command(const struct trial *t, const char *model) {
    if (t->family != PK_FAMILY_AUTO)
        printf("\n  prusik %s --type %s %s PHOTO\n",
               t->family < PK_IMAGENET ? "detect" : "classify",
               pk_family_name(t->family), model);
    return fflush(stdout) ? app_fail("doctor", "stdout is full") : EXIT_OK;
}

int doctor_write(const char *output, const char *model, const struct trial *t,
                 const struct input_size *size) {
    char folder[FOLDER_MAX];
    int made;
    if (!t->scale) {
        printf("means and deviations are in the model (AIPP), which is to give the network %s\n",
               t->recipe.bgr ? "blue, green, red" : "red, green, blue");
        return say_command(t, model);
    }
    const char *slash = strrchr(model, '/'), *name = slash ? slash + 1 : model;
    const char *dot = strrchr(name, '.');
    int stem = dot ? (int)(dot - name) : (int)strlen(name);
    if (folder_open("doctor", output, folder, &made) ||
        write_file(folder, "aipp.cfg", t, size, write_aipp) ||
        write_file(folder, "preprocess.py", t, size, write_python))
        return EXIT_FAILED;
    printf("\nwritten: %s/preprocess.py, the steps for a program; %s/aipp.cfg, colours and values "
           "inside the model:\n\n"
           "  atc --model=%s --framework=5 --output=%.*s_aipp --soc_version=Ascend310 \\\n"
           "      --insert_op_conf=%s/aipp.cfg\n",
           folder, folder, converted_is_onnx(model) ? model : "MODEL.onnx", stem, name, folder);
    if (size->largest)
        printf("\nboth are for the model's largest gear, %d x %d; --gear names another\n",
               size->width, size->height);
    return say_command(t, model);
}
