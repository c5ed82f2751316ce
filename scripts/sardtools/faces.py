"""UltraFace and MNIST: from a picture to the model's input, and from its output to an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def open_picture(path: Path):
    """A picture as Pillow reads it, in RGB."""
    try:
        from PIL import Image
    except ImportError as e:
        raise ImportError("reading pictures needs Pillow: pip install pillow") from e
    return Image.open(path).convert("RGB")


def face_input(picture) -> np.ndarray:
    """UltraFace RFB-320's input: 1 x 3 x 240 x 320, (x - 127) / 128."""
    pixels = np.asarray(picture.resize((320, 240)), np.float32)
    return np.ascontiguousarray(((pixels - 127) / 128).transpose(2, 0, 1)[None])


def find_faces(scores: np.ndarray, boxes: np.ndarray, least: float = 0.7, overlap: float = 0.3) -> list[tuple]:
    """(score, left, top, right, bottom) of each face, the surest first; sides as shares of the picture.

    Of candidates that overlap by more than `overlap` (intersection over union) the surest is kept.
    """
    chance = scores[0, :, 1]
    order = [i for i in np.argsort(-chance, kind="stable") if chance[i] > least]
    kept: list[int] = []
    for i in order:
        if all(_overlap(boxes[0, i], boxes[0, k]) <= overlap for k in kept):
            kept.append(i)
    return [(float(chance[i]), *(float(v) for v in boxes[0, i])) for i in kept]


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def draw_faces(picture, faces: list[tuple], path: Path) -> None:
    """Writes the picture with a box and the score at each face."""
    from PIL import ImageDraw

    drawn = picture.copy()
    pen = ImageDraw.Draw(drawn)
    width, height = drawn.size
    for score, left, top, right, bottom in faces:
        corners = [left * width, top * height, right * width, bottom * height]
        pen.rectangle(corners, outline=(40, 220, 60), width=3)
        pen.text((corners[0] + 4, max(0, corners[1] - 12)), f"{score:.2f}", fill=(40, 220, 60))
    drawn.save(path)


def digit_input(picture) -> np.ndarray:
    """MNIST's input from a picture of one digit, dark on light or light on dark: 1 x 1 x 28 x 28, light on dark.

    As in MNIST the digit is fitted into 20 x 20 and its centre of mass put into the middle.
    """
    from PIL import Image

    gray = np.asarray(picture.convert("L"), np.float32)
    if np.median(gray) > 127:
        gray = 255 - gray
    rows, columns = (np.flatnonzero((gray > 64).any(axis)) for axis in (1, 0))
    cut = gray[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = 20 / max(cut.shape)
    size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
    small = np.asarray(Image.fromarray(cut.astype(np.uint8)).resize(size, Image.Resampling.BOX), np.float32)
    y, x = (
        int(round(float((small.sum(1 - axis) * np.arange(small.shape[axis])).sum() / small.sum()))) for axis in (0, 1)
    )
    page = np.zeros((28, 28), np.float32)
    top, left = min(max(0, 14 - y), 28 - small.shape[0]), min(max(0, 14 - x), 28 - small.shape[1])
    page[top : top + small.shape[0], left : left + small.shape[1]] = small
    return page[None, None]
