#!/usr/bin/env python3
"""gen-same.py > src/import/same.inc -- at which older versions an operator is the newest one, from the onnx package.

A row is an operator and an older version with the same attributes, inputs and outputs, and the element types that
version takes wherever the newest does. From opset 11 on only: before, versions changed meaning without changing this.
"""

import re

from onnx import TensorProto, defs

FIRST = 11


def signature(s):
    def formal(f):
        return (f.name, f.option, f.is_homogeneous, f.type_str if not constraint(s, f.type_str) else "")

    attrs = sorted((a.name, a.type, a.required, a.default_value.SerializeToString()) for a in s.attributes.values())
    return attrs, [formal(f) for f in s.inputs], [formal(f) for f in s.outputs]


def constraint(s, name):
    return next((c for c in s.type_constraints if c.type_param_str == name), None)


def types_of(s, f):
    c = constraint(s, f.type_str)
    names = c.allowed_type_strs if c else [f.type_str]
    found = (re.fullmatch(r"tensor\((\w+)\)", n) for n in names)
    return {number(m.group(1)) for m in found if m}


def number(name):
    return TensorProto.DataType.Value({"float": "FLOAT", "string": "STRING"}.get(name, name.upper()))


def mask(old, new):
    """Types that no formal takes at the newest version but not at the old one."""
    every = set(range(1, 32))
    for side in ("inputs", "outputs"):
        for a, b in zip(getattr(old, side), getattr(new, side)):
            every -= types_of(new, b) - types_of(old, a)
    return sum(1 << t for t in every)


def main():
    versions = {}
    for s in defs.get_all_schemas_with_history():
        if not s.deprecated and s.domain == "":
            versions.setdefault(s.name, {})[s.since_version] = s
    print("/* Written by scripts/gen-same.py from the onnx package: SAME(operator, version, element types). */")
    print("/* clang-format off */")
    for name, of in sorted(versions.items()):
        newest = of[max(of)]
        for v in sorted(of, reverse=True):
            if v == newest.since_version:
                continue
            if v < FIRST or signature(of[v]) != signature(newest):
                break
            print(f'SAME("{name}", {v}, 0x{mask(of[v], newest):x}u)')
    print("/* clang-format on */")


main()
