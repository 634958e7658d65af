/* SPDX-License-Identifier: Apache-2.0 */
/* Names of classes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* The 80 detection classes of COCO, in the order networks are trained with. */
static const char *const coco[] = {
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
    "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant",
    "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush"};
_Static_assert(sizeof coco / sizeof coco[0] == 80, "COCO has 80 classes");

enum { MAX_LABELS = 100000, MAX_BYTES = 4 << 20 };

struct pk_labels {
    int n;
    const char **names;
    char *text;
    int nameless;
};

void pk_labels_close(struct pk_labels *l) {
    if (!l) return;
    free(l->text);
    free(l->names);
    free(l);
}

/* Whether the text is UTF-8, as JSON and the fonts need it (RFC 3629): no more bytes than needed,
 * no half of a UTF-16 pair. */
static int is_utf8(const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    while (*s) {
        const int more = *s < 0x80 ? 0 : *s < 0xc2 ? -1 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2
                         : *s < 0xf5 ? 3 : -1;
        if (more < 0) return 0;
        for (int k = 1; k <= more; k++)
            if ((s[k] & 0xc0) != 0x80) return 0;
        if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0) ||
            (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] >= 0x90))
            return 0;
        s += more + 1;
    }
    return 1;
}

static int read_lines(struct pk_labels *l, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return pk_fail("%s cannot be opened for reading the labels", path);
    l->text = malloc(MAX_BYTES + 1);
    size_t n = l->text ? fread(l->text, 1, MAX_BYTES + 1, f) : 0;
    int bad = ferror(f);
    fclose(f);
    if (!l->text) return pk_fail("out of memory for the labels");
    if (bad) return pk_fail("%s cannot be read as labels; give a text file, one name a line", path);
    if (n > MAX_BYTES)
        return pk_fail("%s is larger than %d bytes; that is no list of labels", path, MAX_BYTES);
    l->text[n] = '\0';
    static const char mark[] = "\xef\xbb\xbf"; /* with which editors of Windows begin UTF-8 */
    char *s = l->text + (strncmp(l->text, mark, 3) ? 0 : 3);
    for (char *end; *s && l->n < MAX_LABELS; s = end) {
        end = s + strcspn(s, "\r\n");
        if (*end == '\r' && end[1] == '\n') *end++ = '\0';
        if (*end) *end++ = '\0';
        const char **wider = realloc(l->names, ((size_t)l->n + 1) * sizeof *wider);
        if (!wider) return pk_fail("out of memory for the labels");
        l->names = wider;
        l->names[l->n++] = s;
        if (!is_utf8(s))
            return pk_fail("%s: line %d is not UTF-8; convert the file (iconv -f gbk -t utf-8, or "
                           "from whatever it is in)", path, l->n);
    }
    return l->n ? 0 : pk_fail("%s holds no labels; give a text file, one name a line", path);
}

int pk_labels_open(const char *path, struct pk_labels **out) {
    *out = NULL;
    struct pk_labels *l = calloc(1, sizeof *l);
    if (!l) return pk_fail("out of memory for the labels");
    l->nameless = path && !*path;
    if (path && *path && read_lines(l, path)) {
        pk_labels_close(l);
        return -1;
    }
    *out = l;
    return 0;
}

const char *pk_label(const struct pk_labels *l, int class_id) {
    const char *const *names = l->names ? l->names : coco;
    int n = l->names ? l->n : l->nameless ? 0 : 80;
    if (class_id >= 0 && class_id < n) return names[class_id];
    static _Thread_local char unnamed[32];
    snprintf(unnamed, sizeof unnamed, "class %d", class_id);
    return unnamed;
}

int pk_label_find(const struct pk_labels *l, const char *name) {
    const char *const *names = l->names ? l->names : coco;
    int n = l->names ? l->n : l->nameless ? 0 : 80;
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}
