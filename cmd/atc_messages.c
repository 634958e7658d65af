/* SPDX-License-Identifier: Apache-2.0 */
/* Recording and printing atc's coded errors. */
#include "atc_messages.h"

#include <stdarg.h>
#include <string.h>

static const struct {
    const char *code;
    int n_args;
    const char *text, *cause, *remedy;
} messages[ATC_N_CODES] = {
#define CODE(code, n, text, cause, remedy) [ATC_##code] = {#code, n, text, cause, remedy},
    ATC_CODES(CODE)
#undef CODE
};

/* Names and values come from the command line and the model: one line, nothing that moves a
 * terminal's cursor. */
static void keep(char *to, size_t room, const char *from) {
    size_t n = 0;
    for (; *from && n + 1 < room; from++)
        to[n++] = (unsigned char)*from < 32 || *from == 127 ? ' ' : *from;
    to[n] = '\0';
    if (*from && room > 4) memcpy(to + room - 4, "...", 4);
}

enum status atc_fail(struct atc_error *e, enum atc_code code, ...) {
    if (e->code) return STATUS_ARGUMENT;
    e->code = code;
    va_list args;
    va_start(args, code);
    for (int i = 0; i < messages[code].n_args; i++)
        keep(e->arg[i], sizeof e->arg[i], va_arg(args, const char *));
    va_end(args);
    return STATUS_ARGUMENT;
}

enum status atc_fail_status(struct atc_error *e, enum status s, const char *path) {
    const char *message = status_message();
    switch (s) {
    case STATUS_OK: return STATUS_OK;
    case STATUS_FILE: return atc_fail(e, ATC_E19001, path, message);
    case STATUS_FORMAT: return atc_fail(e, ATC_E19005, path, message);
    case STATUS_UNSUPPORTED: return atc_fail(e, ATC_E19010, message);
    case STATUS_ARGUMENT:
    case STATUS_SHAPE: return atc_fail(e, ATC_E19014, message);
    case STATUS_MEMORY: return atc_fail(e, ATC_E19022, message);
    case STATUS_LIMIT: return atc_fail(e, ATC_E19023, message);
    default: return atc_fail(e, ATC_E19999, message);
    }
}

static void print_filled(const char *text, const struct atc_error *e, FILE *to) {
    for (; *text; text++) {
        if (*text == '{' && text[1] >= '0' && text[1] < '0' + ATC_MAX_ARGS && text[2] == '}') {
            fputs(e->arg[text[1] - '0'], to);
            text += 2;
        } else {
            fputc(*text, to);
        }
    }
    fputc('\n', to);
}

void atc_print_error(const struct atc_error *e, FILE *to) {
    fprintf(to, "%s: ", messages[e->code].code);
    print_filled(messages[e->code].text, e, to);
    fputs("        Possible Cause: ", to);
    print_filled(messages[e->code].cause, e, to);
    fputs("        Solution: ", to);
    print_filled(messages[e->code].remedy, e, to);
}
