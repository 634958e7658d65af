/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "app.h"
#include "convert.h"
#include "tags.h"

/* Some families have the same shapes and differ in what they were trained on. */
static void say_ambiguity(const struct model *m, const char *path) {
    enum pk_family f = pk_network_family(m->network);
    const char *other = NULL;
    if (f == PK_YOLOX) other = "yolox-meanstd";
    if (f == PK_IMAGENET) other = "imagenet-caffe";
    if (other)
        fprintf(stderr, "prusik %s: %s is taken for %s; it could also be --type %s\n", m->command,
                path, pk_family_name(f), other);
}

static int check_kind(const struct model *m, const char *path) {
    enum pk_family f = pk_network_family(m->network);
    int detector = f < PK_IMAGENET, detects = !strcmp(m->command, "detect"),
        classifies = !strcmp(m->command, "classify");
    if (detector ? !classifies : !detects) return 0;
    app_fail(m->command, "%s is a %s (%s); use prusik %s", path,
             detector ? "detector" : "classifier", pk_family_name(f),
             detector ? "detect" : "classify");
    return -1;
}

int model_open(struct model *m, const char *path, const struct model_options *options) {
    struct model_tags tags;
    struct pk_network_options network = options->network;
    tags_read(path, &tags);
    int guess = network.family == PK_FAMILY_AUTO && !tags.family[0];
    if (network.family == PK_FAMILY_AUTO && tags.family[0] &&
        pk_family_find(tags.family, &network.family)) {
        app_fail(m->command, "%s says of itself that %s", path, pk_error());
        return -1;
    }
    struct converted converted;
    if (converted_open(m->command, path, options->input_shape, &converted)) return -1;
    int failed = pk_network_open(converted.path, &network, &m->network);
    converted_close(&converted);
    if (failed) {
        app_fail(m->command, "%s", pk_error());
        return -1;
    }
    if (check_kind(m, path)) return -1;
    const char *labels = options->labels_path;
    if (!labels && tags.labels[0]) labels = tags.labels;
    if (!labels && pk_network_classes(m->network) != 80) labels = "";
    snprintf(m->labels_path, sizeof m->labels_path, "%s", labels ? labels : "");
    if (pk_labels_open(labels, &m->labels)) {
        app_fail(m->command, "%s", pk_error());
        return -1;
    }
    if (guess) say_ambiguity(m, path);
    return 0;
}

void model_close(struct model *m) {
    pk_labels_close(m->labels);
    pk_network_close(m->network);
    m->labels = NULL;
    m->network = NULL;
}
