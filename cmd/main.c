/* SPDX-License-Identifier: Apache-2.0 */
/* The `prusik` command: finds the subcommand and hands over. */
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct {
    const char *name, *arguments, *sentence;
    int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, arguments, sentence) {#name, arguments, sentence, command_##name},
#include "commands.def"
#undef COMMAND
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

int command_usage(const char *name) {
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(commands[i].name, name))
            fprintf(stderr, "usage: prusik %s %s\n", name, commands[i].arguments);
    return EXIT_USAGE;
}

static void print_help(FILE *to) {
    fprintf(to, "usage: prusik COMMAND ...\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].arguments,
                commands[i].sentence);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
        print_help(stdout);
        return EXIT_OK;
    }
    for (int i = 0; i < N_COMMANDS; i++)
        if (!strcmp(commands[i].name, argv[1])) return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "prusik: no command '%s'; see prusik --help\n", argv[1]);
    return EXIT_USAGE;
}
