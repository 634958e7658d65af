/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatch, and what the subcommands share; see app.h. */
#define _GNU_SOURCE /* CPU_COUNT */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "../help.h"
#include "app.h"
#include "folder.h"

static const struct {
    const char *name, *arguments, *sentence, *options;
    int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, arguments, sentence)                                                         \
    {#name, arguments, sentence, app_options_##name, app_##name},
    /* What --help lists below the usage line. */
#define SOURCE_HELP                                                                                \
    "SOURCE is a picture (JPEG, PNG), a folder, a glob, a list of paths in a .txt file, - for "    \
    "bytes on stdin, a video file, an rtsp:// or http:// stream, or a camera /dev/videoN.\n"       \
    "Exit status: 0; 1 when a picture or the whole failed, the others being done; 2 for wrong "    \
    "usage; 130 after Ctrl-C, with what is done so far complete.\n"
#define MODEL_HELP                                                                                 \
    "MODEL is an offline model (.om), or an .onnx, which is converted and kept in "                \
    "~/.cache/prusik.\n"
#define MODEL_OPTIONS                                                                              \
    "  --type FAMILY     yolox, yolox-meanstd, yolov5, yolov8, nanodet, ssd, imagenet, "           \
    "imagenet-caffe; otherwise told from the model\n"                                              \
    "  --labels FILE     names of the classes, one a line, UTF-8\n"                                \
    "  --input-shape S   NAME:1,3,640,640 for an ONNX model that leaves sizes open\n"              \
    "  --gear SIZES      of a model with gears always this one, 4 or 416,416 (else the fewest "    \
    "pictures, and the size that suits each picture)\n"
#define SOURCE_OPTIONS                                                                             \
    "  --classes LIST    only these, by number or name: 0,2 or person,car\n"                       \
    "  --stride N        take every Nth frame of a video (1)\n"                                    \
    "  --max-frames N    stop a video or stream after so many frames\n"                            \
    "  --reconnects N    tries to get a broken stream back, in all (5)\n"                          \
    "  --timeout S       seconds a stream may be silent (10)\n"                                    \
    "  --output DIR      folder for all that is written (else runs/COMMAND/exp, exp2, ...)\n"      \
    "  --no-draw         draw nothing\n"                                                           \
    "  --line-width N    pixels of the boxes' lines\n"                                             \
    "  --hide-labels     draw boxes without names\n"                                               \
    "  --hide-conf       draw names without scores\n"                                              \
    "  --json            print JSON instead of a table; draw only with --output\n"                 \
    "  --csv             write results.csv\n"                                                      \
    "  --save-txt        write labels/NAME.txt, in YOLO's format\n"                                \
    "  --save-conf       with the score at the end of each line\n"
#define THREAD_OPTIONS                                                                             \
    "  --workers N       pictures worked on at once (default: one a core)\n"                       \
    "  --threads N       cores to use; with --workers, threads of each run (default: all cores)\n" \
    "  --quiet           no last line about the whole\n"
#define app_options_detect                                                                         \
    MODEL_HELP SOURCE_HELP MODEL_OPTIONS                                                           \
    "  --conf X          lowest score (0.25)\n"                                                    \
    "  --iou X           overlap at which the weaker of two boxes goes (0.45)\n"                   \
    "  --max-det N       most boxes a picture (300)\n" SOURCE_OPTIONS                              \
    "  --save-crop       write crops/CLASS/NAME_N.jpg, what is in each box\n"                      \
    "  --coco-json       write coco.json, as pycocotools reads results\n" THREAD_OPTIONS
#define app_options_classify                                                                       \
    MODEL_HELP SOURCE_HELP MODEL_OPTIONS                                                           \
    "  --top N           classes to print (5)\n" SOURCE_OPTIONS                                    \
    THREAD_OPTIONS
#define app_options_eval                                                                           \
    MODEL_HELP                                                                                     \
    "  --coco FILE       annotations as COCO has them\n"                                           \
    "  --images DIR      their pictures (else looked for near the file)\n"                         \
    "  --yolo DIR        folders images and labels\n"                                              \
    "  --imagenet DIR    a folder of pictures for each class, or labels.csv\n"                     \
    "  --results FILE    with --coco, and no MODEL: boxes another program found, as "              \
    "--coco-json writes them\n" MODEL_OPTIONS                                                      \
    "  --conf X          lowest score (else as the network's authors evaluate)\n"                  \
    "  --iou X           overlap at which the weaker of two boxes goes (else as they do)\n"        \
    "  --max-det N       most boxes a picture (300)\n"                                             \
    "  --output DIR      folder for report, tables and curves (else runs/eval/exp, exp2, ...)\n"   \
    "  --json            print JSON instead of tables; files only with --output\n" THREAD_OPTIONS
#define app_options_doctor                                                                         \
    MODEL_HELP                                                                                     \
    "PHOTO shows plainly something that the network knows; several make the answer surer.\n"       \
    "  --expect CLASS    what they show, by name or number\n" MODEL_OPTIONS                        \
    "  --conf X          lowest score of a box (0.25)\n"                                           \
    "  --all             print every way that was tried\n"                                         \
    "  --output DIR      folder for aipp.cfg and preprocess.py (else runs/doctor/exp, exp2, ...)\n"\
    "  --threads N       worker threads (default: all cores)\n"
#define PROFILE_OPTION                                                                             \
    "  --profile DIR     write tables and a trace of where the time goes to this folder\n"
#define app_options_run                                                                            \
    MODEL_HELP                                                                                     \
    "  --input FILE.npy  one for each input, in order; random numbers without\n"                   \
    "  --output DIR      write 00_NAME.npy, 01_NAME.npy, ... to this folder\n"                     \
    "  --dump DIR        write what each operator gives to this folder\n"                          \
    PROFILE_OPTION                                                                                 \
    "  --gear SIZES      of a model with gears: 4, or 416,416 (default: the largest)\n"            \
    "  --shape SHAPES    of a model with open sizes: NAME:1,3,416,416;OTHER:4\n"                   \
    "  --seed N          of the random numbers (0)\n"                                              \
    "  --threads N       worker threads (default: all cores)\n"
#define app_options_bench                                                                          \
    MODEL_HELP                                                                                     \
    "  --runs N          runs to time (100)\n"                                                     \
    "  --gear SIZES      of a model with gears: 4, or 416,416 (default: the largest)\n"            \
    "  --shape SHAPES    of a model with open sizes: NAME:1,3,416,416;OTHER:4\n"                   \
    "  --warmup N        runs before (10)\n"                                                       \
    PROFILE_OPTION                                                                                 \
    "  --threads N       worker threads (default: all cores)\n"                                    \
    "  --json            print JSON instead of lines\n"
#include "commands.def"
#undef COMMAND
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(int i) {
    char usage[256];
    snprintf(usage, sizeof usage, "usage: prusik %s %s\n  %s\n", commands[i].name,
             commands[i].arguments, commands[i].sentence);
    help_print(stdout, usage);
    help_print(stdout, commands[i].options);
}

int app_usage(const char *name, const char *why, const char *what) {
    char command[32];
    snprintf(command, sizeof command, "prusik %s", name);
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(commands[i].name, name))
            help_wrong(command, commands[i].arguments, why, what);
    return EXIT_USAGE;
}

int app_fail(const char *command, const char *format, ...) {
    va_list args;
    fprintf(stderr, "prusik %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return EXIT_FAILED;
}

int app_number(const char *command, const char *option, const char *text, double low, double high,
               double *out) {
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (end == text || *end || errno || !(v >= low && v <= high)) {
        app_fail(command, "%s %s: a number from %g to %g is needed", option, text, low, high);
        return -1;
    }
    *out = v;
    return 0;
}

int app_fraction(const char *command, const char *option, const char *text, float *out) {
    double v;
    if (app_number(command, option, text, 0.0001, 1, &v)) return -1;
    *out = (float)v;
    return 0;
}

int app_integer(const char *command, const char *option, const char *text, int low, int high,
                int *out) {
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (end == text || *end || errno || v < low || v > high) {
        app_fail(command, "%s %s: a whole number from %d to %d is needed", option, text, low, high);
        return -1;
    }
    *out = (int)v;
    return 0;
}

int app_cores(void) {
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    double quota, period;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (f && fscanf(f, "%lf %lf", &quota, &period) == 2 && period > 0 && quota / period < n)
        n = (int)(quota / period + 0.999);
    if (f) fclose(f);
    return n < 1 ? 1 : n;
}

static int start(int threads, const char *configuration) {
    char text[16];
    snprintf(text, sizeof text, "%d", threads);
    if (threads > 0) setenv("PRUSIK_THREADS", text, 1);
    aclError code = aclInit(configuration);
    if (code == ACL_SUCCESS) code = aclrtSetDevice(0);
    if (code == ACL_SUCCESS) return 0;
    const char *why = aclGetRecentErrMsg();
    fprintf(stderr, "prusik: AscendCL does not start (%d): %s\n", (int)code, why ? why : "");
    return -1;
}

int app_start(int threads) { return start(threads, NULL); }

/* The file for aclInit; 0 on success. */
static int write_configuration(int fd, const char *section, const char *folder) {
    json_t *root;
    if (!strcmp(section, "dump"))
        root = json_pack("{s:{s:s,s:[{}]}}", section, "dump_path", folder, "dump_list");
    else root = json_pack("{s:{s:s,s:s}}", section, "switch", "on", "output", folder);
    int failed = !root || json_dumpfd(root, fd, 0);
    json_decref(root);
    return failed;
}

int app_start_recording(const char *command, int threads, const struct app_record *record) {
    const char *folder = record->profile ? record->profile : record->dump;
    if (!folder) return app_start(threads);
    if (record->profile && record->dump)
        return app_fail(command, "--profile and --dump exclude each other: dumping takes time");
    if (folder_make(folder) || access(folder, W_OK | X_OK))
        return app_fail(command, "%s cannot be made a folder to write to: %s", folder,
                        strerror(errno));
    char path[4096];
    snprintf(path, sizeof path, "%s/acl.json.XXXXXX", folder);
    int fd = mkstemp(path);
    if (fd < 0) return app_fail(command, "cannot write %s: %s", path, strerror(errno));
    int status = write_configuration(fd, record->profile ? "profiler" : "dump", folder);
    if (close(fd) || status) status = app_fail(command, "cannot write %s", path);
    else status = start(threads, path);
    unlink(path);
    return status;
}

void app_end(void) {
    aclrtResetDevice(0);
    aclFinalize();
}

int main(int argc, char **argv) {
    for (int i = 0; argc > 1 && i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, argv[1])) continue;
        for (int k = 2; k < argc; k++)
            if (!strcmp(argv[k], "--help") || !strcmp(argv[k], "-h")) {
                print_help(i);
                return help_end("prusik", EXIT_OK, EXIT_FAILED);
            }
        /* getopt's own sentences begin with the program's name. */
        static char name[32];
        snprintf(name, sizeof name, "prusik %s", commands[i].name);
        argv[1] = name;
        return help_end(name, commands[i].run(argc - 1, argv + 1), EXIT_FAILED);
    }
    fprintf(stderr, "prusik-app is a part of prusik; call that: prusik --help\n");
    return EXIT_USAGE;
}
