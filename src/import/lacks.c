/* SPDX-License-Identifier: Apache-2.0 */
/* The list of nodes that cannot be imported, grouped by operator and reason. */
#include <stdio.h>
#include <string.h>

#include "import/frontend.h"

void lacks_add(struct lacks *list, const char *op, const char *name, const char *format,
               va_list args) {
    struct lack lack = {0};
    vsnprintf(lack.reason, sizeof lack.reason, format, args);
    snprintf(lack.op, sizeof lack.op, "%s", op);
    list->n_nodes++;
    int i = 0;
    while (i < list->n_kinds &&
           (strcmp(list->kind[i].op, lack.op) || strcmp(list->kind[i].reason, lack.reason)))
        i++;
    if (i == LACKS_KINDS) return;
    if (i == list->n_kinds) list->kind[list->n_kinds++] = lack;
    struct lack *l = &list->kind[i];
    if (l->n++ >= LACKS_NAMES) return;
    size_t used = strlen(l->names);
    snprintf(l->names + used, sizeof l->names - used, "%s'%.60s'", used ? ", " : "", name);
}

enum status lacks_report(const struct lacks *list) {
    char text[3000] = "";
    size_t used = 0;
    int listed = 0;
    for (int i = 0; i < list->n_kinds && used < sizeof text; i++) {
        const struct lack *l = &list->kind[i];
        int k = snprintf(text + used, sizeof text - used, "%s%s %s%s: %s", i ? "; " : "", l->op,
                         l->names, l->n > LACKS_NAMES ? ", ..." : "", l->reason);
        if (k < 0 || (size_t)k >= sizeof text - used) {
            text[used] = '\0';
            break;
        }
        used += (size_t)k;
        listed += l->n;
    }
    char more[48] = "";
    if (listed < list->n_nodes)
        snprintf(more, sizeof more, "; and %d more", list->n_nodes - listed);
    const char *them = list->n_nodes == 1 ? "it" : "them";
    FAIL(STATUS_UNSUPPORTED,
         "%d node%s of the model cannot be imported: %s%s. Export the model without %s, or cut it "
         "off before %s by choosing other outputs (--out_nodes)",
         list->n_nodes, list->n_nodes == 1 ? "" : "s", text, more, them, them);
}

void import_tell(const struct import_options *o, const char *format, int opset,
                 const struct graph *g, const struct lacks *l) {
    if (!o || !o->report) return;
    struct import_report *r = o->report;
    *r = (struct import_report){
        .format = format, .opset = opset, .n_inputs = g->n_inputs, .lacks = *l};
    for (int i = 0; i < g->n_inputs && i < IMPORT_REPORT_INPUTS; i++) {
        const struct tensor *t = &g->tensors[g->inputs[i]];
        r->input[i].dtype = t->dtype;
        r->input[i].shape = t->shape;
        snprintf(r->input[i].name, sizeof r->input[i].name, "%s", t->name);
    }
}
