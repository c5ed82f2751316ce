#!/usr/bin/env python3
"""Rewrites the C# sources of a folder for a compiler of C# 7.2 (Mono's mcs): lower.py FROM TO

Only syntax is lowered, and lines stay where they are: `using var x = e;` becomes a using block up to the end of its
block, `x is null` and `x is not T` are older tests, `x.Span[i] = e` has a variable, `static` goes from lambdas,
`T x = new(...)` gets its type, `where T : unmanaged` becomes struct.
"""

import re
import sys
from pathlib import Path


def mask(text: str) -> str:
    """The text with comments, strings and characters blanked, so that braces in them do not count."""
    pattern = r'//[^\n]*|/\*.*?\*/|\$?@"(?:""|[^"])*"|\$?"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def end_of_block(code: str, start: int) -> int:
    """The closing brace of the block that `start` is in."""
    depth = 0
    for i in range(start, len(code)):
        depth += (code[i] == "{") - (code[i] == "}")
        if depth < 0:
            return i
    raise ValueError("a block without an end")


def using_declarations(text: str) -> str:
    while m := re.search(r"\busing (var|[\w.<>]+) (\w+) = ", mask(text)):
        code = mask(text)
        semicolon, depth = m.end(), 0
        while code[semicolon] != ";" or depth:
            depth += (code[semicolon] in "({") - (code[semicolon] in ")}")
            semicolon += 1
        end = end_of_block(code, semicolon)
        declaration = text[m.start() + len("using ") : semicolon]
        text = f"{text[: m.start()]}using ({declaration}) {{{text[semicolon + 1 : end]}}} {text[end:]}"
    return text


def lower(text: str) -> str:
    text = using_declarations(text)
    text = re.sub(r"\(?\b([\w.\[\]]+)\)? is not null\b", r"!ReferenceEquals(\1, null)", text)
    text = re.sub(r"\(([\w.]+) is not (\w+)\)", r"(!(\1 is \2))", text)
    text = re.sub(r"\b([\w.]+\.Span)\[([^\]]+)\] = ([^;]+);", r"{ var span = \1; span[\2] = \3; }", text)
    text = re.sub(r"(\w+\[\w+\]) = (\w+\[\w+\]) = (\w+);", r"\1 = \3; \2 = \3;", text)
    text = re.sub(r"\b([\w.\[\]]+) is null\b", r"ReferenceEquals(\1, null)", text)
    text = re.sub(r"\(static (\w+|\([^)]*\)) =>", r"(\1 =>", text)
    text = re.sub(r"\b([A-Z][\w.]*(?:<[\w.<>, ]+>)?) (\w+) = new\(", r"\1 \2 = new \1(", text)
    return re.sub(r"(where \w+ : )unmanaged\b", r"\1struct", text)


def main() -> None:
    source, target = map(Path, sys.argv[1:3])
    for path in sorted(source.rglob("*.cs")):
        relative = path.relative_to(source)
        if relative.parts[0] == "Training":
            continue
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        (target / relative).write_text(lower(path.read_text(encoding="utf-8-sig")))


main()
