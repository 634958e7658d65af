/* SPDX-License-Identifier: Apache-2.0 */
/* The `prusik` command: finds the subcommand and hands over. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/version.h"
#include "command.h"
#include "help.h"
#include "part.h"

static const struct {
    const char *name, *arguments, *sentence, *options;
    int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, arguments, sentence, options)                                                \
    {#name, arguments, sentence, options, command_##name},
#include "commands.def"
#undef COMMAND
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

/* These run models through libascendcl.so as any program would, in a program of their own: a
 * process must not hold the core twice. */
static const struct {
    const char *name, *arguments, *sentence;
} app_commands[] = {
#define COMMAND(name, arguments, sentence) {#name, arguments, sentence},
#include "app/commands.def"
#undef COMMAND
};
enum { N_APP_COMMANDS = sizeof app_commands / sizeof app_commands[0] };

/* In the build tree a part lies below prusik's folder, when installed in ../libexec/prusik. */
static int find_part(const char *in_build, const char *name, char path[static PATH_MAX]) {
    const char *const folders[] = {in_build, "../libexec/prusik"};
    if (!part_find(folders, 2, name, R_OK, path)) return 0;
    fprintf(stderr, "prusik: its part %s is missing; install prusik again\n", name);
    return -1;
}

int command_find_part(const char *name, char path[PATH_MAX]) {
    return find_part(".", name, path);
}

static int start_app(char **argv) {
    char path[PATH_MAX];
    if (find_part("app", "prusik-app", path)) return EXIT_FAILED;
    execv(path, argv);
    fprintf(stderr, "prusik: %s cannot be started: %s\n", path, strerror(errno));
    return EXIT_FAILED;
}

/* Package clients, archives and checksums are what Python's library is for. */
int command_pull(int argc, char **argv) {
    char home[PATH_MAX], path[PATH_MAX], atc[PATH_MAX + 16];
    if (part_home(home) || find_part(".", "pull.py", path)) return EXIT_FAILED;
    snprintf(atc, sizeof atc, "--atc=%s/atc", home);
    char **args = calloc((size_t)argc + 4, sizeof *args);
    if (!args) return EXIT_FAILED;
    args[0] = "python3";
    args[1] = path;
    args[2] = atc;
    for (int i = 1; i < argc; i++) args[i + 2] = argv[i];
    execvp(args[0], args);
    fprintf(stderr, "prusik pull: python3 cannot be started: %s\n", strerror(errno));
    free(args);
    return EXIT_FAILED;
}

int command_usage(const char *name, const char *why, const char *what) {
    char command[32];
    snprintf(command, sizeof command, "prusik %s", name);
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(commands[i].name, name))
            help_wrong(command, commands[i].arguments, why, what);
    return EXIT_USAGE;
}

int command_usage_of(const char *name, const char *argument) {
    return command_usage(name, !argument         ? "an argument is missing"
                               : *argument == '-' ? "no option"
                                                  : "one argument too many:", argument);
}

static void print_command(FILE *to, const char *name, const char *arguments, const char *sentence) {
    char text[256];
    snprintf(text, sizeof text, "  %s %s\n      %s\n", name, arguments, sentence);
    help_print(to, text);
}

static void print_help(FILE *to) {
    help_print(to, "usage: prusik COMMAND ...\nprusik COMMAND --help says more\n\n");
    for (int i = 0; i < N_APP_COMMANDS; i++)
        print_command(to, app_commands[i].name, app_commands[i].arguments,
                      app_commands[i].sentence);
    for (int i = 0; i < N_COMMANDS; i++)
        print_command(to, commands[i].name, commands[i].arguments, commands[i].sentence);
}

static int run(int i, int argc, char **argv) {
    static char name[32]; /* getopt's own sentences begin with it */
    snprintf(name, sizeof name, "prusik %s", commands[i].name);
    if (commands[i].run != command_pull)
        for (int k = 1; k < argc; k++)
            if (!strcmp(argv[k], "--help") || !strcmp(argv[k], "-h")) {
                char usage[256];
                snprintf(usage, sizeof usage, "usage: %s %s\n  %s\n", name, commands[i].arguments,
                         commands[i].sentence);
                help_print(stdout, usage);
                help_print(stdout, commands[i].options);
                return help_end(name, EXIT_OK, EXIT_FAILED);
            }
    argv[0] = name;
    /* Where 1 is an answer, it cannot mean this. */
    return help_end(name, commands[i].run(argc, argv), EXIT_USAGE);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_help(stdout);
        return help_end("prusik", EXIT_OK, EXIT_FAILED);
    }
    if (!strcmp(argv[1], "--version")) {
        puts("prusik " PK_VERSION);
        return help_end("prusik", EXIT_OK, EXIT_FAILED);
    }
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(commands[i].name, argv[1])) return run(i, argc - 1, argv + 1);
    for (int i = 0; i < N_APP_COMMANDS; i++)
        if (!strcmp(app_commands[i].name, argv[1])) return start_app(argv);
    fprintf(stderr, "prusik: no command '%s'; see prusik --help\n", argv[1]);
    return EXIT_USAGE;
}
