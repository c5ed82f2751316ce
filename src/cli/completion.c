/*
 * completion.c -- `sard completion`: scripts for bash, zsh and fish, from the same tables as --help.
 */
#include <string.h>

#include "cli.h"

static bool is_file(const option *o) { return o->arg && (strstr(o->arg, "FILE") || strstr(o->arg, "DIR")); }
static bool is_words(const option *o) { return o->arg && strchr(o->arg, '|') && !is_file(o); }

/* "a|b|c" with spaces for bars. */
static void put_words(const char *s) {
    for (; *s; s++) putchar(*s == '|' ? ' ' : *s);
}

static void bash(void) {
    printf("# bash completion of sard: source it, or put it into bash-completion's folder\n_sard() {\n"
           "    local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" cmd=\"${COMP_WORDS[1]}\"\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W \"");
    for (size_t i = 0; cli_commands[i]; i++) printf("%s ", cli_commands[i]->name);
    printf("help\" -- \"$cur\"))\n        return\n    fi\n    case \"$cmd $prev\" in\n");
    for (size_t i = 0; cli_commands[i]; i++)
        for (const option *o = cli_commands[i]->options; o && o->name; o++) {
            if (!is_words(o)) continue;
            printf("    \"%s --%s\") COMPREPLY=($(compgen -W \"", cli_commands[i]->name, o->name);
            put_words(o->arg);
            printf("\" -- \"$cur\")); return ;;\n");
        }
    printf("    esac\n    case \"$cur\" in\n    -*) case \"$cmd\" in\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        printf("        %s) COMPREPLY=($(compgen -W \"", cli_commands[i]->name);
        for (const option *o = cli_commands[i]->options; o && o->name; o++) printf("--%s ", o->name);
        printf("--help\" -- \"$cur\")) ;;\n");
    }
    printf("        esac ;;\n    *) [ \"$cmd\" = completion ] && COMPREPLY=($(compgen -W \"bash zsh fish\" -- "
           "\"$cur\")) ||\n"
           "        COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n    esac\n}\n"
           "complete -o filenames -F _sard sard\n");
}

/* Text inside zsh's '...[...]' specifications. */
static void put_zsh(const char *s) {
    for (; *s; s++) {
        if (*s == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", *s))
            printf("\\%c", *s);
        else
            putchar(*s);
    }
}

static void zsh(void) {
    printf("#compdef sard\n_sard() {\n    local -a commands\n    commands=(\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        printf("        '%s:", cli_commands[i]->name);
        put_zsh(cli_commands[i]->summary);
        printf("'\n");
    }
    printf("    )\n    if (( CURRENT == 2 )); then _describe command commands; return; fi\n    case $words[2] in\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        printf("    %s) shift words; (( CURRENT-- )); _arguments", cli_commands[i]->name);
        for (const option *o = cli_commands[i]->options; o && o->name; o++) {
            printf(" \\\n        '*--%s%s[", o->name, o->arg ? "=" : "");
            put_zsh(o->help);
            printf("]");
            if (is_words(o))
                printf(": :("), put_words(o->arg), printf(")");
            else if (o->arg)
                printf(is_file(o) ? ": :_files" : ": :");
            printf("'");
        }
        printf(strcmp(cli_commands[i]->name, "completion") == 0 ? " \\\n        '*: :(bash zsh fish)' ;;\n"
                                                                : " \\\n        '*: :_files' ;;\n");
    }
    printf("    esac\n}\nif [ \"$funcstack[1]\" = _sard ]; then _sard \"$@\"; else compdef _sard sard; fi\n");
}

static void put_quoted(const char *s) {
    putchar('\'');
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\') putchar('\\');
        putchar(*s);
    }
    putchar('\'');
}

static void fish(void) {
    printf("# fish completion of sard\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        printf("complete -c sard -n __fish_use_subcommand -f -a %s -d ", cli_commands[i]->name);
        put_quoted(cli_commands[i]->summary);
        printf("\n");
        for (const option *o = cli_commands[i]->options; o && o->name; o++) {
            printf("complete -c sard -n '__fish_seen_subcommand_from %s' -l %s", cli_commands[i]->name, o->name);
            if (o->letter) printf(" -s %c", o->letter);
            if (is_words(o))
                printf(" -x -a '"), put_words(o->arg), printf("'");
            else if (o->arg)
                printf(is_file(o) ? " -r" : " -x");
            printf(" -d ");
            put_quoted(o->help);
            printf("\n");
        }
    }
    printf("complete -c sard -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n");
}

static int run_completion(const args *a) {
    static const char *const shells[] = {"bash", "zsh", "fish"};
    static void (*const print[])(void) = {bash, zsh, fish};
    for (int i = 0; i < 3; i++)
        if (strcmp(a->pos[0], shells[i]) == 0) return print[i](), EXIT_OK;
    complain("completion: expected bash, zsh or fish; found '%s'", a->pos[0]);
    return EXIT_USAGE;
}

static const option options[] = {{0}};
extern const command cmd_completion;
const command cmd_completion = {.name = "completion",
                                .summary = "prints a completion script for a shell",
                                .positional = "bash|zsh|fish",
                                .examples = "  source <(sard completion bash)\n"
                                            "  sard completion zsh > ~/.zfunc/_sard\n"
                                            "  sard completion fish > ~/.config/fish/completions/sard.fish",
                                .options = options,
                                .least = 1,
                                .most = 1,
                                .run = run_completion};
