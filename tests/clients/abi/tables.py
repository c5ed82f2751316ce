#!/usr/bin/env python3
"""The ABI's function tables, entry by entry, as the published declarations have them and as src/ort does.

    tables.py official HEADERS CRATE OUT     the official headers of API 29, and the crate ort-sys for what is newer
    tables.py sard SRC HEADERS CRATE OUT     src/ort/tables.h, checked against the same

Both sides go through the C preprocessor, so that macros are what the compiler sees. A signature is normalised to types
alone: names of arguments, `enum`, annotations and spaces go. OUT/answers.txt holds a line per entry.
"""

import re
import subprocess
import sys
from pathlib import Path

TABLES = {"OrtApi": 428, "OrtModelEditorApi": 20, "OrtCompileApi": 16, "OrtInteropApi": 13, "OrtEpApi": 74}
TABLES["OrtModelPackageApi"] = 16
SAME = {"OrtStatusPtr": "OrtStatus *", "_Bool": "bool", "struct": "", "enum": ""}  # one spelling for each
BASIC = {
    "int",
    "char",
    "void",
    "float",
    "double",
    "bool",
    "size_t",
    "uint32_t",
    "uint64_t",
    "int64_t",
    "int32_t",
    "const",
}
RUST = {
    "c_char": "char",
    "os_char": "char",
    "c_void": "void",
    "usize": "size_t",
    "c_int": "int",
    "i32": "int",
    "i64": "int64_t",
}


def preprocessed(include: str, folders: list[str]) -> str:
    command = ["cc", "-E", "-P", "-x", "c", "-", *(f"-I{f}" for f in folders)]
    return subprocess.run(command, input=f"#include {include}\n", capture_output=True, text=True, check=True).stdout


def split(text: str) -> list[str]:
    """At commas outside of parentheses."""
    parts, depth, last = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(text[last:i])
            last = i + 1
    return [*parts, text[last:]]


def spaced(text: str) -> str:
    text = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", " ", text)
    words = re.findall(r"\w+|[^\w\s]", text)
    words = " ".join(SAME.get(w, w) for w in words)
    return re.sub(r"\s+", " ", words).strip()


def argument(text: str) -> str:
    """A declared argument without its name."""
    text = spaced(text)
    if m := re.match(r"(.*?)\( \* (?:\w+ )?\) \((.*)\)$", text):  # a pointer to a function
        return f"{m[1].strip()} ( * ) ( {arguments(m[2])} )"
    array = text.endswith("[ ]")
    text = text.removesuffix("[ ]").strip()
    text = re.sub(r"^(\w+) const \*", r"const \1 *", text)
    words = text.split()
    types = [w for w in words if w not in ("const", "*")]
    if len(types) > 1 and re.fullmatch(r"\w+", words[-1]) and words[-1] not in BASIC:
        words.pop()
    return " ".join(words) + (" *" if array else "")


def arguments(text: str) -> str:
    return ", ".join(argument(a) for a in split(text)) or "void"


def body_of(code: str, table: str) -> str:
    begin = re.search(rf"struct {table}\s*\{{", code)
    if not begin:
        return ""
    depth, i = 1, begin.end()
    while depth:
        depth += (code[i] == "{") - (code[i] == "}")
        i += 1
    return code[begin.end() : i - 1]


def entries(code: str, table: str) -> list[tuple[str, str]]:
    """(name, signature) of every function pointer of a struct."""
    found = []
    for text in body_of(code, table).split(";"):
        text = spaced(text)
        if not text:
            continue
        m = re.match(r"(.*?)\( \* (\w+) \) \( ?(.*?) ?\)$", text)
        found.append((m[2], f"{m[1].strip()} ( {arguments(m[3])} )") if m else ("?", text))
    return found


def from_rust(kind: str) -> str:
    kind = re.sub(r"core::ffi::|std::ffi::", "", kind.strip())
    if m := re.match(r"\*(const|mut) (.*)$", kind, re.S):
        inner = from_rust(m[2])
        if m[1] == "mut":
            return f"{inner} *"
        return f"{inner} const *" if inner.endswith("*") else f"const {inner} *"
    return "OrtStatus *" if kind == "OrtStatusPtr" else RUST.get(kind, kind)


def crate_entries(crate: Path, table: str) -> list[tuple[str, str]]:
    """(name, signature) of a struct of ort-sys; for Linux, every API version."""
    code = (crate / "src/lib.rs").read_text()
    begin = code.index(f"pub struct {table} {{")
    code = re.sub(r"\t#\[doc = .*\n", "", code[begin : code.index("\n}", begin)])
    code = re.sub(r'#\[cfg\(all\(target_family = "wasm".*\n.*?(?=\n\t#\[|\n\tpub )', "", code)
    found = []
    pattern = r'\tpub (\w+):\s*(?:Option<\s*)?unsafe extern "(?:system|C)" fn\((.*?)\)\s*(?:-> ([^,\n]+))?,?\s*'
    pattern += r"(?=\n\t#\[|\n\tpub |$)"
    for m in re.finditer(pattern, code, re.S):
        given = [a.partition(":")[2] for a in split(m[2]) if ":" in a]
        found.append(
            (
                m[1],
                f"{from_rust(m[3] or '()')} ( {', '.join(map(from_rust, given)) or 'void'} )".replace("() (", "void ("),
            )
        )
    return found


def enumerators(code: str) -> dict[str, int]:
    values = {}
    for body in re.findall(r"enum \w*\s*\{(.*?)\}", code, re.S):
        following = 0
        for item in body.split(","):
            name, _, value = (part.strip() for part in item.partition("="))
            if name:
                number = re.sub(r"[()uUlL]+", "", value)
                if value and not re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)( ?<< ?\d+)?", number):
                    number = str(values.get(value, following))
                following = eval(number) if value else following  # a number or a shift of one
                values[name] = following
                following += 1
    return values


def sizes(include: str, folder: str, structs: list[str], out: Path) -> dict[str, str]:
    """sizeof of public structs, as a program says."""
    lines = "".join(f'    printf("{s} %zu\\n", sizeof(struct {s}));\n' for s in structs)
    code = f"#include <stdio.h>\n#include {include}\nint main(void) {{\n{lines}    return 0;\n}}\n"
    program = out / "sizes"
    subprocess.run(["cc", "-x", "c", "-", f"-I{folder}", "-o", str(program)], input=code, text=True, check=True)
    return dict(line.split() for line in subprocess.run([program], capture_output=True, text=True).stdout.splitlines())


def official(headers: str, crate: Path) -> tuple[dict, str]:
    """The tables of the newest API, and the headers' text."""
    code = preprocessed('"onnxruntime_c_api.h"', [headers])
    tables = {name: entries(code, name) for name in TABLES}
    newest = crate_entries(crate, "OrtApi")
    known = len(tables["OrtApi"])
    tables["OrtApi"] += newest[known:]
    tables["OrtModelPackageApi"] = crate_entries(crate, "OrtModelPackageApi")
    tables["order of ort-sys"] = newest[:known]
    return tables, code


def report(check: str, faults: list[str]) -> None:
    print(f"FAIL abi {check}: {len(faults)}: {'; '.join(faults[:3])[:400]}" if faults else f"PASS abi {check}")


def differences(here: list, there: list) -> list[str]:
    faults = [
        f"entry {i}: {a[0]} {a[1]}, published {b[0]} {b[1]}" for i, (a, b) in enumerate(zip(here, there)) if a != b
    ]
    return faults + ([f"{len(here)} entries, published {len(there)}"] if len(here) != len(there) else [])


def main() -> None:
    side, *given = sys.argv[1:]
    headers, crate, out = given[-3], Path(given[-2]), Path(given[-1])
    tables, code = official(headers, crate)
    order = tables.pop("order of ort-sys")
    tables_read = [
        f"{n}: {len(tables[n])} entries, expected {count}" for n, count in TABLES.items() if len(tables[n]) != count
    ]
    report("tables_read", tables_read)
    moved = [f"{a[0]} / {b[0]}" for a, b in zip(tables["OrtApi"], order) if a[0].replace("FilesIn", "") != b[0]]
    report("order_of_crate", moved)
    if side == "sard":
        own_code = preprocessed('"ort/tables.h"', [given[0]])
        published, tables = tables, {name: entries(own_code, name) for name in TABLES}
        for name in TABLES:
            report(name, differences(tables[name], published[name]))
        ours, theirs = enumerators(own_code), enumerators(code)
        report("enumerators", [f"{n} = {v}, published {theirs[n]}" for n, v in ours.items() if theirs.get(n, v) != v])
        bodies = [set(re.findall(r"struct (\w+)\s*\{", text)) for text in (own_code, code)]
        structs = sorted((bodies[0] & bodies[1]) - {"OrtApi"})
        ours, theirs = (
            sizes('"ort/tables.h"', given[0], structs, out),
            sizes('"onnxruntime_c_api.h"', headers, structs, out),
        )
        report("structs", [f"{s}: {ours[s]} bytes, published {theirs[s]}" for s in structs if ours[s] != theirs[s]])
        if len(structs) < 9:
            report("structs_found", [", ".join(structs)])
    with open(out / "answers.txt", "a") as file:
        for name, rows in tables.items():
            file.writelines(f"{name} {i:03d} text {entry} {signature}\n" for i, (entry, signature) in enumerate(rows))


main()
