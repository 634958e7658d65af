/* SPDX-License-Identifier: Apache-2.0 */
/* prusik info: what is in a model file, for people or as JSON. An offline model is known by its
 * first bytes, whatever its name; of the others the end of the name says which framework wrote
 * it. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "import/import.h"
#include "model_file.h"
#include "om/om.h"

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), k = strlen(end);
    return n > k && !strcmp(s + n - k, end);
}

/* The caffemodel that goes by the prototxt's name, if there is one. */
static const char *weights_beside(const char *model, char *path, size_t room) {
    if (!ends_with(model, ".prototxt")) return NULL;
    size_t stem = strlen(model) - strlen(".prototxt");
    int n = snprintf(path, room, "%.*s.caffemodel", (int)stem, model);
    FILE *f = n > 0 && (size_t)n < room ? fopen(path, "rb") : NULL;
    if (f) fclose(f);
    return f ? path : NULL;
}

static enum status describe_source(struct import_request *r, struct om_description *out) {
    char path[4096];
    const char *kind = r->framework == FRAMEWORK_CAFFE        ? "Caffe model"
                       : r->framework == FRAMEWORK_TENSORFLOW ? "TensorFlow model"
                                                              : "ONNX model";
    CHECK(!ends_with(r->model, ".caffemodel"), STATUS_FORMAT,
          "'%s' has only the weights of a model; describe its prototxt, with --weight=%s", r->model,
          r->model);
    if (r->framework == FRAMEWORK_CAFFE && !r->weights) {
        r->weights = weights_beside(r->model, path, sizeof path);
        CHECK(r->weights, STATUS_ARGUMENT,
              "the weights of '%s' are in a second file; name it with --weight=FILE.caffemodel",
              r->model);
    }
    struct graph *g;
    TRY(import_model(r, &g));
    enum status s = om_describe_graph(g, kind, out);
    graph_destroy(g);
    return s;
}

int command_info(int argc, char **argv) {
    struct import_request r = {0};
    bool json = false, given = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) json = true;
        else if (model_file_option(argv[i], &r, &given)) continue;
        else if (argv[i][0] == '-' || r.model) return command_usage_of("info", argv[i]);
        else r.model = argv[i];
    }
    if (!r.model) return command_usage_of("info", NULL);
    if (!given) r.framework = model_file_framework(r.model);
    struct om_description d;
    enum status s = model_file_is_offline(r.model) ? om_describe_file(r.model, &d)
                                                 : describe_source(&r, &d);
    if (s == STATUS_OK) {
        s = om_description_print(&d, json, stdout);
        om_description_deinit(&d);
    }
    if (s == STATUS_OK) return EXIT_OK;
    fprintf(stderr, "prusik info: %s\n", status_message());
    return EXIT_FAILED;
}
