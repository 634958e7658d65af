/* SPDX-License-Identifier: Apache-2.0 */
/* prusik info: what is in a model file, for people or as JSON. The file's first bytes say what it
 * is, its name does not matter. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "import/import.h"
#include "model_file.h"
#include "om/om.h"

static enum status describe_onnx(const char *path, struct om_description *out) {
    struct graph *g;
    TRY(import_onnx_file(path, NULL, &g));
    enum status s = om_describe_graph(g, "ONNX model", out);
    graph_destroy(g);
    return s;
}

int command_info(int argc, char **argv) {
    const char *path = NULL;
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) json = true;
        else if (argv[i][0] == '-' || path) return command_usage("info");
        else path = argv[i];
    }
    if (!path) return command_usage("info");
    struct om_description d;
    enum status s = model_file_is_offline(path) ? om_describe_file(path, &d) : describe_onnx(path, &d);
    if (s == STATUS_OK) {
        s = om_description_print(&d, json, stdout);
        om_description_deinit(&d);
    }
    if (s == STATUS_OK && fflush(stdout)) s = STATUS_FILE;
    if (s == STATUS_OK) return EXIT_OK;
    fprintf(stderr, "prusik info: %s\n", status_message());
    return EXIT_FAILED;
}
