/*
 * main.c -- the `sard` tool: finds the command and runs it.
 *
 * Exit status: 0 done, 1 the work failed, 2 the command line was not understood.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

extern const command cmd_inspect, cmd_run, cmd_bench, cmd_check, cmd_convert, cmd_ops, cmd_kernels, cmd_version,
    cmd_completion;
const command *const cli_commands[] = {&cmd_inspect, &cmd_run,     &cmd_bench,   &cmd_check,      &cmd_convert,
                                       &cmd_ops,     &cmd_kernels, &cmd_version, &cmd_completion, NULL};

static void usage(FILE *to) {
    fprintf(to, "sard %s -- runs ONNX models with one answer\n\nUsage: sard COMMAND [options]\n\nCommands:\n",
            sard_version());
    for (size_t i = 0; cli_commands[i]; i++)
        fprintf(to, "  %-12s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    fprintf(to, "\n'sard COMMAND --help' tells a command's options, with examples.\n\n"
                "Examples:\n"
                "  sard inspect model.onnx                       what goes in, what comes out, what it is made of\n"
                "  sard run model.onnx --input image=cat.jpg     run it on a photograph\n"
                "  sard bench model.onnx --threads 1             how long it takes\n"
                "  SARD_ISA=avx2 sard run model.onnx --random 1  with an older processor's instructions: same bits\n");
}

static void on_interrupt(int sig) {
    cli_interrupted = 1;  /* the run ends at its next look */
    signal(sig, SIG_DFL); /* a second Ctrl-C ends the program */
}

static int unknown_command(const char *name) {
    const char *names[16];
    size_t n = 0;
    for (; cli_commands[n]; n++) names[n] = cli_commands[n]->name;
    const char *near = nearest(name, names, n);
    if (near)
        complain("unknown command '%s'; did you mean '%s'?", name, near);
    else
        complain("unknown command '%s'; 'sard --help' lists them", name);
    return EXIT_USAGE;
}

int main(int argc, char **argv) {
    signal(SIGINT, on_interrupt);
    sard_error err;
    if (sard_guard_files(&err) != SARD_OK) complain("%s", err.message);
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        for (size_t i = 0; argc > 2 && cli_commands[i]; i++)
            if (strcmp(cli_commands[i]->name, argv[2]) == 0) {
                print_help(cli_commands[i], stdout);
                return EXIT_OK;
            }
        if (argc > 2) return unknown_command(argv[2]);
        usage(stdout);
        return EXIT_OK;
    }
    if (strcmp(name, "--version") == 0) name = "version";
    for (size_t i = 0; cli_commands[i]; i++) {
        if (strcmp(cli_commands[i]->name, name) != 0) continue;
        args a;
        bool help;
        int st = args_parse(cli_commands[i], argc - 2, argv + 2, &a, &help);
        if (st == EXIT_OK && !help) st = cli_commands[i]->run(&a);
        args_free(&a);
        if (fflush(stdout) != 0 && st == EXIT_OK) st = EXIT_ERROR;
        return st;
    }
    return unknown_command(name);
}
