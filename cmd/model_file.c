/* SPDX-License-Identifier: Apache-2.0 */
#include "model_file.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *suffix;
    enum framework framework;
} suffixes[] = {
    {".onnx", FRAMEWORK_ONNX},
    {".pb", FRAMEWORK_TENSORFLOW},
    {".json", FRAMEWORK_TENSORFLOW},
    {".prototxt", FRAMEWORK_CAFFE},
    {".mindir", FRAMEWORK_MINDSPORE},
};

enum framework model_file_framework(const char *path) {
    size_t n = strlen(path);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        size_t k = strlen(suffixes[i].suffix);
        if (n > k && !strcmp(path + n - k, suffixes[i].suffix)) return suffixes[i].framework;
    }
    return FRAMEWORK_ONNX;
}

bool model_file_option(const char *arg, struct import_request *r, bool *framework_given) {
    if (!strncmp(arg, "--weight=", 9) && arg[9]) {
        r->weights = arg + 9;
        return true;
    }
    if (strncmp(arg, "--framework=", 12) || strlen(arg + 12) != 1 || !strchr("0135", arg[12]))
        return false;
    r->framework = (enum framework)(arg[12] - '0');
    *framework_given = true;
    return true;
}

int64_t model_file_likely_size(const struct shape *s, int axis) {
    enum { PICTURE = 224, SEQUENCE = 128, COLOURS = 3 };
    if (axis == 0) return 1;
    if (s->rank != 4) return SEQUENCE;
    bool channels_last = s->dim[3] == 1 || s->dim[3] == COLOURS;
    return axis == (channels_last ? 3 : 1) ? COLOURS : PICTURE;
}

bool model_file_is_offline(const char *path) {
    char magic[4] = "";
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    size_t n = fread(magic, 1, sizeof magic, f);
    fclose(f);
    return n == sizeof magic && !memcmp(magic, "IMOD", sizeof magic);
}
