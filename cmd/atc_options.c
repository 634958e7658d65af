/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading atc's command line the way gflags does (--name=value, --name value, -name, the last one
 * wins, an unknown name ends the program) and checking the values.
 */
#include "atc_options.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "atc_dynamic.h"
#include "help.h"

static const struct {
    const char *name;
    enum atc_effect effect;
    enum atc_value value;
    const char *fallback, *choices, *sentence;
} options[ATC_N_OPTIONS] = {
#define OPTION(name, effect, value, fallback, choices, sentence)                                   \
    {#name, ATC_##effect, ATC_##value, fallback, choices, sentence},
    ATC_OPTIONS(OPTION)
#undef OPTION
};

static int find_option(const char *name, size_t n) {
    for (int i = 0; i < ATC_N_OPTIONS; i++)
        if (strlen(options[i].name) == n && !memcmp(options[i].name, name, n)) return i;
    return -1;
}

static bool is_number(const char *s) {
    if (*s == '-') s++;
    size_t n = strspn(s, "0123456789");
    return n && n < 10 && !s[n];
}

bool atc_options_parse(int argc, char **argv, struct atc_options *o) {
    *o = (struct atc_options){0};
    for (int i = 0; i < ATC_N_OPTIONS; i++) o->value[i] = options[i].fallback;
    bool only_strays = false;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (only_strays || arg[0] != '-' || !arg[1]) {
            if (!o->stray) o->stray = arg;
            continue;
        }
        if (!strcmp(arg, "--")) {
            only_strays = true;
            continue;
        }
        const char *name = arg + (arg[1] == '-' ? 2 : 1), *equals = strchr(name, '=');
        size_t n = equals ? (size_t)(equals - name) : strlen(name);
        int at = find_option(name, n);
        if (at < 0) {
            fprintf(stderr, "ERROR: unknown command line flag '%.*s'\n", (int)n, name);
            return false;
        }
        const char *value = equals ? equals + 1 : NULL;
        if (!value && options[at].value == ATC_FLAG) value = "true";
        if (!value && i + 1 < argc) value = argv[++i];
        if (!value) {
            fprintf(stderr, "ERROR: flag '--%s' is missing its argument; flag description: %s\n",
                    options[at].name, options[at].sentence);
            return false;
        }
        if (options[at].value == ATC_NUMBER && !is_number(value)) {
            fprintf(stderr, "ERROR: illegal value '%s' specified for int32 flag '%s'\n", value,
                    options[at].name);
            return false;
        }
        o->value[at] = value;
        o->given[at] = true;
    }
    return true;
}

/* ---- values ---- */

static bool is_choice(const char *value, const char *choices) {
    size_t n = strlen(value);
    for (const char *c = choices; c;) {
        const char *end = strchr(c, '|');
        size_t length = end ? (size_t)(end - c) : strlen(c);
        if (length == n && !memcmp(c, value, n)) return true;
        c = end ? end + 1 : NULL;
    }
    return false;
}

static bool is_bools(const char *value) {
    for (const char *c = value; c;) {
        const char *end = strchr(c, ',');
        size_t n = end ? (size_t)(end - c) : strlen(c);
        if (!(n == 4 && !memcmp(c, "true", 4)) && !(n == 5 && !memcmp(c, "false", 5))) return false;
        c = end ? end + 1 : NULL;
    }
    return true;
}

static enum status check_value(int i, const char *value, struct atc_error *e) {
    char option[64], reason[512];
    snprintf(option, sizeof option, "--%s", options[i].name);
    switch (options[i].value) {
    case ATC_CHOICE:
        if (!*value || is_choice(value, options[i].choices)) return STATUS_OK;
        snprintf(reason, sizeof reason, "it must be one of %s", options[i].choices);
        return atc_fail(e, ATC_E10001, value, option, reason);
    case ATC_BOOL:
        if (!strcmp(value, "true") || !strcmp(value, "false")) return STATUS_OK;
        return atc_fail(e, ATC_E10005, value, option);
    case ATC_BIT:
        if (!strcmp(value, "1") || !strcmp(value, "0")) return STATUS_OK;
        return atc_fail(e, ATC_E10006, value, option);
    case ATC_BOOLS:
        if (is_bools(value)) return STATUS_OK;
        return atc_fail(e, ATC_E10005, value, option);
    default: return STATUS_OK;
    }
}

static bool exists(const char *path) {
    struct stat st;
    return !stat(path, &st);
}

/* What is well formed but cannot be had yet: said so, never ignored. */
static enum status check_available(const struct atc_options *o, struct atc_error *e) {
    TRY(atc_check_dynamic(o, e));
    const char *aipp = ATC_OPTION(o, insert_op_conf);
    if (*aipp && !exists(aipp)) return atc_fail(e, ATC_E10410, aipp);
    if (*aipp && *ATC_OPTION(o, dynamic_dims)) /* as CANN has it */
        return atc_fail(e, ATC_E10047, "--dynamic_dims", "--insert_op_conf");
    if (strstr(ATC_OPTION(o, is_input_adjust_hw_layout), "true") ||
        strstr(ATC_OPTION(o, is_output_adjust_hw_layout), "true"))
        return atc_fail(e, ATC_E10055,
                        "inputs and outputs in the layout NC1HWC0; feed and read NCHW");
    return STATUS_OK;
}

static enum status check_soc(const char *soc, struct atc_error *e) {
    if (!*soc) return atc_fail(e, ATC_E10004, "soc_version");
    bool ok = !strncmp(soc, "Ascend", 6) && isalnum((unsigned char)soc[6]);
    for (const char *c = soc; *c; c++) ok &= isalnum((unsigned char)*c) || *c == '_' || *c == '-';
    if (ok) return STATUS_OK;
    return atc_fail(e, ATC_E10001, soc, "--soc_version",
                    "it must be the name of an Ascend chip, like Ascend310 or Ascend310P3");
}

static enum status check_path(const char *path, const char *option, size_t suffix,
                              struct atc_error *e) {
    char limit[32];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (strlen(path) + suffix >= PATH_MAX) {
        snprintf(limit, sizeof limit, "%d", PATH_MAX - 1);
        return atc_fail(e, ATC_E10021, option, limit);
    }
    if (strlen(name) + suffix > NAME_MAX) {
        snprintf(limit, sizeof limit, "%d", NAME_MAX);
        return atc_fail(e, ATC_E10021, option, limit);
    }
    if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
        return atc_fail(e, ATC_E10022, path, option);
    return STATUS_OK;
}

static enum status check_framework(const struct atc_options *o, struct atc_error *e) {
    switch (atoi(ATC_OPTION(o, framework))) {
    case 3:
    case 5: return STATUS_OK;
    case 0:
        return *ATC_OPTION(o, weight) ? STATUS_OK : atc_fail(e, ATC_E10008);
    case 1:
        return atc_fail(e, ATC_E10055,
                        "MindSpore models (--framework=1); export the model as ONNX");
    default:
        return atc_fail(e, ATC_E10007, "framework",
                        "[0(Caffe), 1(MindSpore), 3(TensorFlow), 5(ONNX)]");
    }
}

static enum status check_convert(const struct atc_options *o, bool writes, struct atc_error *e) {
    TRY(check_framework(o, e));
    if (!*ATC_OPTION(o, model)) return atc_fail(e, ATC_E10004, "model");
    TRY(check_path(ATC_OPTION(o, model), "--model", 0, e));
    if (writes) {
        if (!*ATC_OPTION(o, output)) return atc_fail(e, ATC_E10004, "output");
        TRY(check_path(ATC_OPTION(o, output), "--output",
                       strlen(strcmp(ATC_OPTION(o, save_original_model), "true") ? ".om"
                                                                                 : "_original.om"),
                       e));
        TRY(check_soc(ATC_OPTION(o, soc_version), e));
    }
    const char *format = ATC_OPTION(o, input_format);
    bool nchw = atoi(ATC_OPTION(o, framework)) != 3; /* of TensorFlow alone */
    if (nchw && (!strcmp(format, "NHWC") || !strcmp(format, "NDHWC")))
        return atc_fail(e, ATC_E10001, format, "--input_format",
                        "an ONNX or Caffe model has NCHW, NCDHW or ND");
    return check_available(o, e);
}

static enum status check_singleop(const struct atc_options *o, struct atc_error *e) {
    const char *list = ATC_OPTION(o, singleop);
    if (!exists(list)) return atc_fail(e, ATC_E10023, list);
    if (*ATC_OPTION(o, model))
        return atc_fail(e, ATC_E10001, ATC_OPTION(o, model), "--model",
                        "--singleop writes models of operators; leave one of the two out");
    return check_soc(ATC_OPTION(o, soc_version), e);
}

enum status atc_options_check(const struct atc_options *o, struct atc_error *e) {
    if (o->stray) return atc_fail(e, ATC_E10053, o->stray);
    if (!is_choice(ATC_OPTION(o, log), "debug|info|warning|error|null"))
        return atc_fail(e, ATC_E10010, ATC_OPTION(o, log));
    for (int i = 0; i < ATC_N_OPTIONS; i++) TRY(check_value(i, o->value[i], e));
    int mode = atoi(ATC_OPTION(o, mode));
    if (*ATC_OPTION(o, singleop)) return check_singleop(o, e);
    switch (mode) {
    case 0: return check_convert(o, true, e);
    case 3: return check_convert(o, false, e);
    case 1:
        if (!*ATC_OPTION(o, om)) return atc_fail(e, ATC_E10004, "om");
        if (!*ATC_OPTION(o, json)) return atc_fail(e, ATC_E10004, "json");
        return o->given[ATC_OPT_framework] ? check_framework(o, e) : STATUS_OK;
    case 6:
        if (!*ATC_OPTION(o, om)) return atc_fail(e, ATC_E10057, "--mode=6", "--om");
        return STATUS_OK;
    case 5:
        return atc_fail(e, ATC_E10055,
                        "graph dumps of CANN's compiler (--mode=5), which is not part of this "
                        "program");
    default:
        return atc_fail(e, ATC_E10001, ATC_OPTION(o, mode), "--mode",
                        "it must be 0, 1, 3 or 6");
    }
}

bool atc_is_nhwc(const struct atc_options *o) {
    const char *format = ATC_OPTION(o, input_format);
    return *format ? !strcmp(format, "NHWC") : atoi(ATC_OPTION(o, framework)) == 3; /* TensorFlow */
}

void atc_options_remark(const struct atc_options *o, FILE *to) {
    int n = 0;
    for (int i = 0; i < ATC_N_OPTIONS; i++)
        if (o->given[i] && options[i].effect == ATC_NO_DIFFERENCE)
            fprintf(to, "%s--%s", n++ ? ", " : "W: ", options[i].name);
    if (n) fprintf(to, " %s no difference on this target\n", n == 1 ? "makes" : "make");
}

void atc_options_help(FILE *to) {
    static const char *const head[] = {
        [ATC_USED] = "Options:",
        [ATC_REFUSED] = "Not available in this version (accepted at their defaults):",
        [ATC_NO_DIFFERENCE] = "Accepted, but make no difference on this target:",
    };
    static const enum atc_effect order[] = {ATC_USED, ATC_REFUSED, ATC_NO_DIFFERENCE};
    help_print(to, "usage: atc --model=FILE --framework=5 --output=PATH --soc_version=NAME "
                   "[options]\n       atc --singleop=FILE.json --output=FOLDER --soc_version=NAME\n"
                   "Converts a trained model to an offline model, PATH.om; or writes one for each "
                   "operator of a list (docs/single-operators.md).\n");
    for (int k = 0; k < 3; k++) {
        fputc('\n', to);
        help_print(to, head[order[k]]);
        for (int i = 0; i < ATC_N_OPTIONS; i++) {
            if (options[i].effect != order[k]) continue;
            char text[1024];
            bool fallback = *options[i].fallback && options[i].value != ATC_FLAG;
            snprintf(text, sizeof text, "  --%s%s%s\n        %s%s%s%s\n", options[i].name,
                     *options[i].choices ? "=" : "", options[i].choices, options[i].sentence,
                     fallback ? " (default " : "", fallback ? options[i].fallback : "",
                     fallback ? ")" : "");
            help_print(to, text);
        }
    }
}
