/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msame: runs an offline model on files, writes its outputs and says how long it took; options,
 * printed lines and file names are those of the program of this name in Ascend's tools. Of Ascend's
 * libraries it uses AscendCL alone, so it runs on a real device as well. Exit status: 0, also after
 * a wrong option value; 1 when something failed.
 */
#define _GNU_SOURCE /* memrchr */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "acl/acl.h"
#include "help.h"

enum { MAX_BORDERS = 128, GOOD = 0, BAD = 1 };

static struct {
    const char *model, *input, *output, *outfmt, *dims, *shape, *output_size;
    long loop, device, batch, height, width;
    bool debug, profiler, dump;
} opt = {.loop = 1, .outfmt = "BIN"};

static struct {
    uint32_t id;
    aclmdlDesc *desc;
    size_t n_inputs, gear, n_outputs; /* gear: index of the input that carries it, or n_inputs */
    aclmdlDataset *in, *out;
    void *in_data[MAX_BORDERS], *out_data[MAX_BORDERS];
    size_t in_bytes[MAX_BORDERS], out_bytes[MAX_BORDERS];
    char stem[256], folder[1024];
} model;

static void print(const char *level, const char *format, va_list args) {
    printf("[%s] ", level);
    vprintf(format, args);
    putchar('\n');
}

__attribute__((format(printf, 1, 2))) static void info(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print("INFO", format, args);
    va_end(args);
}

__attribute__((format(printf, 1, 2))) static int fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print("ERROR", format, args);
    va_end(args);
    return BAD;
}

/* Fails with AscendCL's sentence when `code` is an error. */
static int acl_ok(const char *call, aclError code) {
    if (code == ACL_SUCCESS) return GOOD;
    const char *why = aclGetRecentErrMsg();
    return fail("%s failed with %d: %s", call, code, why ? why : "no reason given");
}
#define ACL(call, ...)                                                                             \
    do {                                                                                           \
        if (acl_ok(#call, call(__VA_ARGS__))) return BAD;                                          \
    } while (0)
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        if (expr) return BAD;                                                                      \
    } while (0)

static void help(void) {
    help_print(stdout, "usage: msame --model FILE.om [options]\n"
         "  --model        the offline model\n"
         "  --input        one file or one folder for each input, by comma; absent: zeros\n"
         "  --output       folder of the results\n"
         "  --outfmt       TXT or BIN (default)\n"
         "  --loop         runs on one set of inputs, 1 to 100 (default 1)\n"
         "  --debug        true: print what the model is\n"
         "  --profiler     true: profile into OUTPUT/profiler; not with --dump\n"
         "  --dump         true: dump into OUTPUT/dump; not with --profiler\n"
         "  --device       0 to 255 (default 0)\n"
         "  --dymBatch     the batch size of a model with several\n"
         "  --dymHW        its image size: \"height,width\"\n"
         "  --dymDims      its dimensions: \"name:d,d;name:d,d\"\n"
         "  --dymShape     the shapes of a model with ranges: \"name:d,d;name:d,d\"\n"
         "  --outputSize   bytes for each output, by comma, where the model does not know\n"
         "  --help         this text\n");
}

/* The number from `text` within low..high; what follows it goes to *rest or must be nothing. */
static bool number(const char *text, long low, long high, long *to, const char **rest) {
    char *end;
    errno = 0;
    *to = strtol(text, &end, 10);
    if (rest) *rest = end;
    return end != text && !errno && *to >= low && *to <= high && (rest || !*end);
}

static bool flag(const char *text, bool *to) {
    *to = !strcmp(text, "true");
    return *to || !strcmp(text, "false");
}

/* ---- options ---- */

enum { MODEL, INPUT, OUTPUT, OUTFMT, LOOP, DEBUG, PROFILER, DUMP, DEVICE, BATCH, HW, DIMS, SHAPE,
       OUTPUT_SIZE, HELP };
static const struct option options[] = {
    {"model", 1, 0, MODEL},       {"input", 1, 0, INPUT},     {"output", 1, 0, OUTPUT},
    {"outfmt", 1, 0, OUTFMT},     {"loop", 1, 0, LOOP},       {"debug", 1, 0, DEBUG},
    {"profiler", 1, 0, PROFILER}, {"dump", 1, 0, DUMP},       {"device", 1, 0, DEVICE},
    {"dymBatch", 1, 0, BATCH},    {"dymHW", 1, 0, HW},        {"dymDims", 1, 0, DIMS},
    {"dymShape", 1, 0, SHAPE},    {"outputSize", 1, 0, OUTPUT_SIZE}, {"help", 0, 0, HELP}, {0}};

static bool take(int which, const char *text) {
    const char *rest;
    switch (which) {
    case MODEL: opt.model = text; return strstr(text, ".om") != NULL;
    case INPUT: opt.input = text; return *text;
    case OUTPUT: opt.output = text; return *text;
    case OUTFMT: opt.outfmt = text; return true;
    case LOOP: return number(text, 1, 100, &opt.loop, NULL);
    case DEBUG: return flag(text, &opt.debug);
    case PROFILER: return flag(text, &opt.profiler);
    case DUMP: return flag(text, &opt.dump);
    case DEVICE: return number(text, 0, 255, &opt.device, NULL);
    case BATCH: return number(text, 1, 2048, &opt.batch, NULL);
    case HW:
        return number(text, 1, INT32_MAX, &opt.height, &rest) && *rest == ',' &&
               number(rest + 1, 1, INT32_MAX, &opt.width, NULL);
    case DIMS: opt.dims = text; return *text;
    case SHAPE: opt.shape = text; return *text;
    default: opt.output_size = text; return *text;
    }
}

/* Whether to go on; *status is for when not. */
static bool read_options(int argc, char **argv, int *status) {
    int which, index = 0;
    *status = GOOD;
    while ((which = getopt_long(argc, argv, "", options, &index)) >= 0) {
        if (which == HELP || which == '?') return help(), false;
        if (!take(which, optarg)) {
            fail("--%s cannot be '%s'; msame --help says what it takes", options[index].name,
                 optarg);
            return false;
        }
    }
    if (optind < argc) return fail("'%s' belongs to no option", argv[optind]), false;
    if (!opt.model) return fail("--model is missing; msame --help shows the options"), false;
    *status = BAD;
    if (!!opt.batch + !!opt.height + !!opt.dims + !!opt.shape > 1)
        return fail("only one of --dymBatch, --dymHW, --dymDims and --dymShape can be given"),
               false;
    if (opt.shape && !opt.input) return fail("--dymShape needs --input"), false;
    if (opt.dump && opt.profiler) return fail("--dump and --profiler exclude each other"), false;
    if ((opt.dump || opt.profiler) && !opt.output)
        return fail("--dump and --profiler need --output"), false;
    return true;
}

/* ---- files ---- */

static int make_folder(const char *path) {
    if (mkdir(path, 0775) && errno != EEXIST) return fail("%s: %s", path, strerror(errno));
    return GOOD;
}

/* <output>/<Y><M><D>_<h>_<m>_<s>_<usec>, numbers as they are. */
static int make_result_folder(void) {
    struct timeval now;
    gettimeofday(&now, NULL);
    struct tm *t = localtime(&now.tv_sec);
    snprintf(model.folder, sizeof model.folder, "%s/%d%d%d_%d_%d_%d_%ld", opt.output,
             t->tm_year + 1900, t->tm_mon + 1, t->tm_mday, t->tm_hour, t->tm_min, t->tm_sec,
             (long)now.tv_usec);
    TRY(make_folder(opt.output));
    TRY(make_folder(model.folder));
    info("%s", model.folder);
    return GOOD;
}

static void stem_of(const char *path, char *to, size_t bytes) {
    const char *slash = strrchr(path, '/');
    snprintf(to, bytes, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(to, '.');
    if (dot) *dot = 0;
}

/* The file for aclInit, from the options; what was there by that name is replaced, then gone. */
static int write_acl_json(void) {
    char path[1024];
    if (snprintf(path, sizeof path, "%s/%s", opt.output, opt.dump ? "dump" : "profiler") >=
        (int)sizeof path)
        return fail("the path of --output is too long");
    TRY(make_folder(opt.output) || make_folder(path));
    json_t *config =
        opt.dump ? json_pack("{s:{s:s, s:s, s:[{s:s}]}}", "dump", "dump_mode", "output",
                             "dump_path", path, "dump_list", "model_name", model.stem)
                 : json_pack("{s:{s:s, s:s, s:s, s:s}}", "profiler", "switch", "on", "aicpu", "on",
                             "aic_metrics", "", "output", path);
    if (!config) return fail("acl.json: %s and %s must be UTF-8", opt.output, opt.model);
    int wrong = json_dump_file(config, "acl.json", 0);
    json_decref(config);
    if (!wrong) return GOOD;
    unlink("acl.json");
    return fail("acl.json cannot be written: %s", strerror(errno));
}

/* ---- the model ---- */

static int add(aclmdlDataset *dataset, void **data, size_t bytes) {
    ACL(aclrtMalloc, data, bytes ? bytes : 1, ACL_MEM_MALLOC_NORMAL_ONLY);
    aclDataBuffer *buffer = aclCreateDataBuffer(*data, bytes ? bytes : 1);
    if (!buffer) return acl_ok("aclCreateDataBuffer", ACL_ERROR_BAD_ALLOC);
    ACL(aclmdlAddDatasetBuffer, dataset, buffer);
    return GOOD;
}

static void describe(void) {
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < (side ? model.n_outputs : model.n_inputs); i++) {
            aclmdlIODims dims;
            if ((side ? aclmdlGetOutputDims : aclmdlGetInputDims)(model.desc, i, &dims)) continue;
            printf("[DEBUG] %s %zu: %s, data type %d, format %d, %zu bytes, dims",
                   side ? "output" : "input",
                   i, dims.name,
                   (int)(side ? aclmdlGetOutputDataType : aclmdlGetInputDataType)(model.desc, i),
                   (int)(side ? aclmdlGetOutputFormat : aclmdlGetInputFormat)(model.desc, i),
                   (side ? aclmdlGetOutputSizeByIndex : aclmdlGetInputSizeByIndex)(model.desc, i));
            for (size_t k = 0; k < dims.dimCount; k++) printf(" %" PRId64, dims.dims[k]);
            putchar('\n');
        }
}

static int load(void) {
    ACL(aclmdlLoadFromFile, opt.model, &model.id);
    info("load model %s success", opt.model);
    model.desc = aclmdlCreateDesc();
    ACL(aclmdlGetDesc, model.desc, model.id);
    info("create model description success");
    model.n_inputs = aclmdlGetNumInputs(model.desc);
    model.n_outputs = aclmdlGetNumOutputs(model.desc);
    if (model.n_inputs > MAX_BORDERS || model.n_outputs > MAX_BORDERS)
        return fail("the model has more than %d inputs or outputs", MAX_BORDERS);
    if (aclmdlGetInputIndexByName(model.desc, ACL_DYNAMIC_TENSOR_NAME, &model.gear))
        model.gear = model.n_inputs;
    if (opt.debug) describe();
    model.in = aclmdlCreateDataset();
    model.out = aclmdlCreateDataset();
    const char *rest = opt.output_size;
    for (size_t i = 0; i < model.n_outputs; i++) {
        long given = 0;
        if (rest && (!number(rest, 1, LONG_MAX, &given, &rest) || (*rest && *rest++ != ',')))
            return fail("--outputSize '%s' is not one number for each of the %zu outputs",
                        opt.output_size, model.n_outputs);
        size_t bytes = given ? (size_t)given : aclmdlGetOutputSizeByIndex(model.desc, i);
        if (!bytes) return fail("output %zu has no known size; give it with --outputSize", i);
        model.out_bytes[i] = bytes;
        TRY(add(model.out, &model.out_data[i], bytes));
    }
    info("create model output success");
    return GOOD;
}

/* The dims given for `name` in "name:d,d;name:d,d": 1 found, 0 not there, -1 not of that form. */
static int dims_of(const char *text, const char *name, aclmdlIODims *to) {
    size_t length = strlen(name);
    for (const char *at = text; *at;) {
        const char *colon = strchr(at, ':'), *end = strchr(at, ';');
        if (end) colon = memrchr(at, ':', (size_t)(end - at));
        else colon = strrchr(at, ':');
        if (!colon) return -1;
        bool wanted = (size_t)(colon - at) == length && !strncmp(at, name, length);
        to->dimCount = 0;
        do {
            long n;
            if (to->dimCount == 128 || !number(colon + 1, 0, LONG_MAX, &n, &colon)) return -1;
            to->dims[to->dimCount++] = n;
        } while (*colon == ',');
        if (*colon && *colon != ';') return -1;
        if (wanted) return 1;
        at = *colon ? colon + 1 : colon;
    }
    return 0;
}

static int dims_for(const char *option, const char *text, size_t i, aclmdlIODims *to) {
    const char *name = aclmdlGetInputNameByIndex(model.desc, i);
    int found = dims_of(text, name, to);
    if (found < 0) return fail("--%s '%s' is not of the form name:d,d;name:d,d", option, text);
    return found ? GOOD : fail("--%s says nothing of input '%s'", option, name);
}

static int choose_gear(void) {
    if (opt.shape) return GOOD;
    bool wanted = opt.batch || opt.height || opt.dims;
    if (wanted && model.gear == model.n_inputs)
        return fail("the model has no choice of sizes; "
                    "leave out --dymBatch, --dymHW and --dymDims");
    if (!wanted && model.gear < model.n_inputs)
        return fail("the model has several sizes; choose with --dymBatch, --dymHW or --dymDims");
    if (opt.batch)
        ACL(aclmdlSetDynamicBatchSize, model.id, model.in, model.gear, (uint64_t)opt.batch);
    if (opt.height)
        ACL(aclmdlSetDynamicHWSize, model.id, model.in, model.gear, (uint64_t)opt.height,
            (uint64_t)opt.width);
    if (!opt.dims) return GOOD;
    aclmdlIODims all = {0}, one;
    for (size_t i = 0; i < model.n_inputs; i++) {
        if (i == model.gear) continue;
        TRY(dims_for("dymDims", opt.dims, i, &one));
        if (all.dimCount + one.dimCount > 128) return fail("--dymDims has more than 128 dims");
        memcpy(all.dims + all.dimCount, one.dims, one.dimCount * sizeof *one.dims);
        all.dimCount += one.dimCount;
    }
    ACL(aclmdlSetInputDynamicDims, model.id, model.in, model.gear, &all);
    return GOOD;
}

static void clear_inputs(void) {
    for (size_t i = 0; model.in && i < aclmdlGetDatasetNumBuffers(model.in); i++)
        aclDestroyDataBuffer(aclmdlGetDatasetBuffer(model.in, i));
    if (model.in) aclmdlDestroyDataset(model.in);
    for (size_t i = 0; i < model.n_inputs; i++) {
        if (model.in_data[i]) aclrtFree(model.in_data[i]);
        model.in_data[i] = NULL;
    }
    model.in = NULL;
}

static int read_file(const char *path, size_t i) {
    info("start to process file:%s", path);
    FILE *file = fopen(path, "rb");
    if (!file) return fail("%s: %s", path, strerror(errno));
    struct stat about;
    size_t bytes = fstat(fileno(file), &about) ? 0 : (size_t)about.st_size;
    size_t want = aclmdlGetInputSizeByIndex(model.desc, i);
    /* Sizes of gears and ranges are checked by the run itself. */
    if (model.gear == model.n_inputs && !opt.shape && bytes != want) {
        fclose(file);
        return fail("%s has %zu bytes; input %zu ('%s') takes %zu", path, bytes, i,
                    aclmdlGetInputNameByIndex(model.desc, i), want);
    }
    void *host = NULL;
    int status = acl_ok("aclrtMallocHost", aclrtMallocHost(&host, bytes ? bytes : 1));
    if (!status && fread(host, 1, bytes, file) != bytes) status = fail("%s cannot be read", path);
    fclose(file);
    if (!status) status = add(model.in, &model.in_data[i], bytes);
    if (!status && bytes)
        status = acl_ok("aclrtMemcpy", aclrtMemcpy(model.in_data[i], bytes, host, bytes,
                                                   ACL_MEMCPY_HOST_TO_DEVICE));
    if (host) aclrtFreeHost(host);
    return status;
}

/* Fills every input: from the files in `paths` (comma-separated; each a folder when `name` is a
 * file's name in all of them), or with zeros. */
static int fill_inputs(const char *paths, const char *name) {
    clear_inputs();
    model.in = aclmdlCreateDataset();
    for (size_t i = 0; i < model.n_inputs; i++) {
        size_t bytes = aclmdlGetInputSizeByIndex(model.desc, i);
        if (i == model.gear || !paths) {
            TRY(add(model.in, &model.in_data[i], bytes));
            ACL(aclrtMemset, model.in_data[i], bytes ? bytes : 1, 0, bytes ? bytes : 1);
            continue;
        }
        size_t length = strcspn(paths, ",");
        char path[4096];
        if (!length) return fail("--input names no file for input %zu", i);
        if (snprintf(path, sizeof path, "%.*s%s%s", (int)length, paths, name ? "/" : "",
                     name ? name : "") >= (int)sizeof path)
            return fail("a path of --input is too long");
        TRY(read_file(path, i));
        paths += length + (paths[length] == ',');
    }
    if (paths && *paths) return fail("--input names more files than the model has inputs");
    for (size_t i = 0; opt.shape && i < model.n_inputs; i++) {
        aclmdlIODims dims;
        TRY(dims_for("dymShape", opt.shape, i, &dims));
        aclTensorDesc *desc = aclCreateTensorDesc(aclmdlGetInputDataType(model.desc, i),
            (int)dims.dimCount, dims.dims, aclmdlGetInputFormat(model.desc, i));
        int status = acl_ok("aclmdlSetDatasetTensorDesc",
                            aclmdlSetDatasetTensorDesc(model.in, desc, i));
        aclDestroyTensorDesc(desc);
        TRY(status);
    }
    return choose_gear();
}

/* ---- runs and results ---- */

static int run(double *ms) {
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    ACL(aclmdlExecute, model.id, model.in, model.out);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    *ms = (double)(ended.tv_sec - began.tv_sec) * 1e3 +
          (double)(ended.tv_nsec - began.tv_nsec) / 1e6;
    info("model execute success");
    printf("Inference time: %gms\n", *ms);
    return GOOD;
}

static int output_dims(size_t i, aclmdlIODims *dims) {
    if (!opt.shape) {
        ACL(aclmdlGetCurOutputDims, model.desc, i, dims);
        return GOOD;
    }
    aclTensorDesc *desc = aclmdlGetDatasetTensorDesc(model.out, i);
    dims->dimCount = aclGetTensorDescNumDims(desc);
    for (size_t k = 0; k < dims->dimCount && k < 128; k++)
        ACL(aclGetTensorDescDimV2, desc, k, &dims->dims[k]);
    return GOOD;
}

static void print_value(FILE *file, aclDataType type, const void *at) {
    switch (type) {
    case ACL_FLOAT: fprintf(file, "%g ", (double)*(const float *)at); break;
    case ACL_FLOAT16:
        fprintf(file, "%g ", (double)aclFloat16ToFloat(*(const aclFloat16 *)at));
        break;
    case ACL_DOUBLE: fprintf(file, "%g ", *(const double *)at); break;
    case ACL_INT8: fprintf(file, "%d ", *(const int8_t *)at); break;
    case ACL_UINT8: case ACL_BOOL: fprintf(file, "%d ", *(const uint8_t *)at); break;
    case ACL_INT16: fprintf(file, "%d ", *(const int16_t *)at); break;
    case ACL_UINT16: fprintf(file, "%d ", *(const uint16_t *)at); break;
    case ACL_INT32: fprintf(file, "%" PRId32 " ", *(const int32_t *)at); break;
    case ACL_UINT32: fprintf(file, "%" PRIu32 " ", *(const uint32_t *)at); break;
    case ACL_INT64: fprintf(file, "%" PRId64 " ", *(const int64_t *)at); break;
    default: fprintf(file, "%" PRIu64 " ", *(const uint64_t *)at); break;
    }
}

static int write_output(const char *stem, size_t i) {
    aclmdlIODims dims;
    TRY(output_dims(i, &dims));
    aclDataType type = aclmdlGetOutputDataType(model.desc, i);
    size_t item = aclDataTypeSize(type), bytes = item;
    for (size_t k = 0; k < dims.dimCount; k++) bytes *= (size_t)dims.dims[k];
    if (!item || bytes > model.out_bytes[i])
        return fail("output %zu cannot be written: %zu bytes of data type %d", i, bytes, (int)type);
    bool text = !strcmp(opt.outfmt, "TXT");
    char path[2048];
    snprintf(path, sizeof path, "%s/%s_output_%zu.%s", model.folder, stem, i, text ? "txt" : "bin");
    FILE *file = fopen(path, "wb");
    if (!file) return fail("%s: %s", path, strerror(errno));
    char *host = NULL;
    int status = acl_ok("aclrtMallocHost", aclrtMallocHost((void **)&host, bytes ? bytes : 1));
    if (!status && bytes)
        status = acl_ok("aclrtMemcpy", aclrtMemcpy(host, bytes, model.out_data[i], bytes,
                                                   ACL_MEMCPY_DEVICE_TO_HOST));
    if (!status && !text) fwrite(host, 1, bytes, file);
    size_t row = dims.dimCount ? (size_t)dims.dims[dims.dimCount - 1] : 1;
    for (size_t k = 0; !status && text && k < bytes / item; k++) {
        print_value(file, type, host + k * item);
        if ((k + 1) % row == 0) putc('\n', file);
    }
    if (host) aclrtFreeHost(host);
    bool wrong = ferror(file);
    if (fclose(file) || wrong) return fail("%s cannot be written", path);
    return status;
}

static int write_outputs(const char *stem) {
    if (!opt.output) return GOOD;
    for (size_t i = 0; i < model.n_outputs; i++) TRY(write_output(stem, i));
    info("output data success");
    return GOOD;
}

static int run_files(void) {
    double ms, sum = 0, first = 0;
    TRY(fill_inputs(opt.input, NULL));
    for (long n = 0; n < opt.loop; n++) {
        TRY(run(&ms));
        if (n == 0) first = ms;
        sum += ms;
    }
    TRY(write_outputs(model.stem));
    printf("Inference average time: %f ms\n", sum / (double)opt.loop);
    if (opt.loop > 1)
        printf("Inference average time without first time: %f ms\n",
               (sum - first) / (double)(opt.loop - 1));
    return GOOD;
}

static int visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static int run_folders(const char *folder) {
    struct dirent **names;
    int n = scandir(folder, &names, visible, alphasort), status = GOOD;
    if (n < 0) return fail("%s: %s", folder, strerror(errno));
    double ms, sum = 0, first = 0;
    for (int k = 0; k < n; k++) {
        char stem[256];
        stem_of(names[k]->d_name, stem, sizeof stem);
        if (!status) status = fill_inputs(opt.input, names[k]->d_name);
        if (!status) status = run(&ms);
        if (!status) {
            status = write_outputs(stem);
            if (k == 0) first = ms;
            sum += ms;
        }
        free(names[k]);
    }
    free(names);
    if (status) return status;
    if (n == 0) return fail("%s is empty", folder);
    printf("Inference average time : %.2f ms\n", sum / n);
    if (n > 1)
        printf("Inference average time without first time: %.2f ms\n", (sum - first) / (n - 1));
    return GOOD;
}

static int process(void) {
    TRY(load());
    if (opt.output) TRY(make_result_folder());
    char folder[4096];
    struct stat about;
    if (!opt.input) return run_files();
    snprintf(folder, sizeof folder, "%.*s", (int)strcspn(opt.input, ","), opt.input);
    if (stat(folder, &about)) return fail("%s: %s", folder, strerror(errno));
    return S_ISDIR(about.st_mode) ? run_folders(folder) : run_files();
}

static void unload(void) {
    bool inputs = model.in;
    clear_inputs();
    if (inputs) info("destroy model input success");
    for (size_t i = 0; model.out && i < aclmdlGetDatasetNumBuffers(model.out); i++)
        aclDestroyDataBuffer(aclmdlGetDatasetBuffer(model.out, i));
    if (model.out) aclmdlDestroyDataset(model.out);
    for (size_t i = 0; i < model.n_outputs; i++)
        if (model.out_data[i]) aclrtFree(model.out_data[i]);
    if (model.desc) aclmdlDestroyDesc(model.desc);
    if (model.id && !acl_ok("aclmdlUnload", aclmdlUnload(model.id)))
        info("unload model success, model Id is %u", model.id);
}

static int work(void) {
    aclrtContext context;
    aclrtStream stream;
    aclrtRunMode mode;
    bool config = opt.dump || opt.profiler;
    if (config) TRY(write_acl_json());
    int status = acl_ok("aclInit", aclInit(access("acl.json", R_OK) ? NULL : "acl.json"));
    if (status) goto end;
    info("acl init success");
    status = acl_ok("aclrtSetDevice", aclrtSetDevice((int32_t)opt.device));
    if (status) goto finalize;
    info("open device %ld success", opt.device);
    status = acl_ok("aclrtCreateContext", aclrtCreateContext(&context, (int32_t)opt.device));
    if (status) goto reset;
    info("create context success");
    status = acl_ok("aclrtCreateStream", aclrtCreateStream(&stream));
    if (status) goto no_stream;
    info("create stream success");
    status = acl_ok("aclrtGetRunMode", aclrtGetRunMode(&mode));
    if (!status) {
        info("get run mode success");
        status = process();
        if (!status) info("pid: %ld Execute sample success", (long)getpid());
        unload();
    }
    aclrtDestroyStream(stream);
    info("end to destroy stream");
no_stream:
    aclrtDestroyContext(context);
    info("end to destroy context");
reset:
    aclrtResetDevice((int32_t)opt.device);
    info("end to reset device is %ld", opt.device);
finalize:
    aclFinalize();
    info("end to finalize acl");
end:
    if (config) unlink("acl.json");
    return status;
}

int main(int argc, char **argv) {
    int status;
    if (!read_options(argc, argv, &status)) return status;
    stem_of(opt.model, model.stem, sizeof model.stem);
    return work();
}
