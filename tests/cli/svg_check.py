"""Reads a picture that `sard inspect --svg` drew and finds what lies on what.

Boxes of one graph must not touch; a body lies inside its node and holds its own boxes; a label lies on no box; an edge
runs behind no box. Nesting is not said in the file: it follows from where things are.
"""
from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"


@dataclass
class Rect:
    kind: str
    x: float
    y: float
    w: float
    h: float
    inside: list["Rect"] = field(default_factory=list)

    def holds(self, o: "Rect", slack: float = 0.2) -> bool:
        return (self.x - slack <= o.x and self.y - slack <= o.y and o.x + o.w <= self.x + self.w + slack
                and o.y + o.h <= self.y + self.h + slack)

    def meets(self, o: "Rect", slack: float = 0.2) -> bool:
        return (self.x + slack < o.x + o.w and o.x + slack < self.x + self.w and self.y + slack < o.y + o.h
                and o.y + slack < self.y + self.h)

    def has(self, x: float, y: float, slack: float = 0.3) -> bool:
        return self.x + slack < x < self.x + self.w - slack and self.y + slack < y < self.y + self.h - slack


def read(path: Path) -> tuple[list[Rect], list[list[tuple[float, float]]], tuple[float, float]]:
    """All rectangles, all edges as points along them, and the size of the picture."""
    root = ET.parse(path).getroot()
    rects = []
    for r in root.iter(SVG + "rect"):
        kind = (r.get("class") or "").split(" ")[0]
        if kind:
            rects.append(Rect(kind, *(float(r.get(k)) for k in ("x", "y", "width", "height"))))
    edges = [points(p.get("d")) for p in root.iter(SVG + "path") if p.get("class") == "edge"]
    return rects, edges, (float(root.get("width")), float(root.get("height")))


def points(d: str) -> list[tuple[float, float]]:
    """Points along a path of M, V, H, C and Q."""
    at: list[tuple[float, float]] = []
    x = y = 0.0
    for command, text in re.findall(r"([MVHCQ])([^MVHCQ]*)", d):
        n = [float(v) for v in re.findall(r"-?\d+(?:\.\d+)?", text)]
        if command == "M":
            way = [(n[0], n[1])]
        elif command == "V":
            way = [(x, y + (n[0] - y) * i / 64) for i in range(65)]
        elif command == "H":
            way = [(x + (n[0] - x) * i / 64, y) for i in range(65)]
        elif command == "Q":
            way = [(n[2], n[3])]
        else:
            way = []
            for i in range(33):
                t, s = i / 32, 1 - i / 32
                way.append(tuple(s**3 * p + 3 * s * s * t * n[k] + 3 * s * t * t * n[k + 2] + t**3 * n[k + 4]
                                 for k, p in enumerate((x, y))))
        at += way
        x, y = way[-1]
    return at


def faults(path: Path) -> list[str]:
    rects, edges, (width, height) = read(path)
    found = []
    for r in rects:
        if r.x < 0 or r.y < 0 or r.x + r.w > width or r.y + r.h > height:
            found.append(f"{r} is outside the picture")
    # Pairs that meet: only a node and what lies wholly inside one of its bodies may.
    rects.sort(key=lambda r: r.y)
    live: list[Rect] = []
    for r in rects:
        live = [o for o in live if o.y + o.h > r.y]
        for o in live:
            if o.meets(r) and not (o.kind in ("node", "body") and o.holds(r)) and not (
                    r.kind in ("node", "body") and r.holds(o)):
                found.append(f"{o} and {r} overlap")
        live.append(r)
    solid = [r for r in rects if r.kind in ("io", "label") or (
        r.kind == "node" and not any(b.kind == "body" and r.holds(b) for b in rects))]
    for r in solid:
        for o in solid:
            if r is not o and o.holds(r):
                found.append(f"{r} lies on {o}")
    bodies = [r for r in rects if r.kind == "body"]
    for e in edges:
        begin, end = e[0], e[-1]
        for r in solid:
            if r.kind != "label" and any(r.has(*p) for p in e):
                found.append(f"an edge {begin} to {end} runs behind {r}")
        for b in bodies:
            if b.has(*begin) != b.has(*end):
                found.append(f"an edge {begin} to {end} crosses the border of {b}")
    return found
