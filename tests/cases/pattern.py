"""Pictures that say which they are: eight cells across the middle are the number, the corners' colours the way up.

The corners differ in brightness too, so that a grey picture says as much. H, W are height and width.
"""

from collections.abc import Sequence

import numpy as np

CELLS = 8  # most significant first; white is 1, black is 0
# Clockwise from the upper left; their brightness is about 81, 49, 188 and 118.
CORNERS = np.array([(200, 30, 30), (30, 30, 200), (220, 200, 40), (30, 180, 30)], np.uint8)
TURNS = ("upright", "90", "180", "270", "mirrored", "mirrored 90", "mirrored 180", "mirrored 270")
FARTHEST = 110  # of a corner's three channels together, from the colour that it has to be


def picture(number: int, height: int = 120, width: int = 160) -> np.ndarray:
    """The picture of a number below 256, uint8 (H, W, 3)."""
    frame = np.full((height, width, 3), 70 + 5 * number % 80, np.uint8)
    rows, columns = (
        (slice(0, height // 4), slice(-(height // 4), None)),
        (slice(0, width // 5), slice(-(width // 5), None)),
    )
    for colour, (row, column) in zip(CORNERS, ((0, 0), (0, 1), (1, 1), (1, 0)), strict=True):
        frame[rows[row], columns[column]] = colour
    edges = np.linspace(0, width, CELLS + 1).round().astype(int)
    for cell in range(CELLS):
        level = 235 if number >> (CELLS - 1 - cell) & 1 else 16
        frame[int(0.34 * height) : int(0.66 * height), edges[cell] : edges[cell + 1]] = level
    return frame


def number_of(frame: np.ndarray) -> int | None:
    """The number of an upright picture, uint8 (H, W, 3); None where a cell is neither black nor white."""
    height, width = frame.shape[:2]
    middle = frame[height // 2 - max(1, height // 24) : height // 2 + max(1, height // 24)]
    number = 0
    for cell in range(CELLS):
        left, right = ((cell + part) * width / CELLS for part in (0.3, 0.7))
        level = middle[:, int(left) : max(int(left) + 1, int(right))].mean()
        if 90 < level < 160:
            return None
        number = 2 * number + int(level > 125)
    return number


def turned(frame: np.ndarray, turn: str) -> np.ndarray:
    """An upright picture (H, W, 3) turned clockwise by so many degrees; "mirrored": left and right swapped before."""
    times = TURNS.index(turn) % 4
    return np.rot90(frame[:, ::-1] if turn.startswith("mirrored") else frame, -times)


def turned_back(frame: np.ndarray, turn: str) -> np.ndarray:
    """The upright picture of one that was `turned`."""
    upright = np.rot90(frame, TURNS.index(turn) % 4)
    return upright[:, ::-1] if turn.startswith("mirrored") else upright


def orientation(frame: np.ndarray) -> str:
    """Which of `TURNS` a picture, uint8 (H, W, 3), is; "?" where the corners are of none, or of other colours."""
    height, width = frame.shape[:2]
    y, x = max(1, height // 12), max(1, width // 12)
    places = ((y, x), (y, width - 1 - x), (height - 1 - y, width - 1 - x), (height - 1 - y, x))
    found = np.array([frame[max(0, r - 2) : r + 3, max(0, c - 2) : c + 3].mean((0, 1)) for r, c in places])
    colours = CORNERS.astype(float)
    if np.ptp(found, axis=1).max() < 12:  # a grey picture
        colours = np.repeat(colours @ (0.299, 0.587, 0.114), 3).reshape(4, 3)
    distances = np.abs(found[:, None] - colours).sum(-1)
    if distances.min(1).max() > FARTHEST:
        return "?"
    order = distances.argmin(1).tolist()
    clockwise = [0, 1, 2, 3]
    for first, corners in (("", clockwise), ("mirrored", [1, 0, 3, 2])):
        for times in range(4):
            if order == corners[-times:] + corners[:-times]:
                return TURNS[times + 4 * bool(first)]
    return "?"


def numbers_of(frames: Sequence[np.ndarray] | np.ndarray, turn: str = "upright") -> list[int | None]:
    """The numbers of pictures (N, H, W, 3) that are turned; None for one that is not turned so, or cannot be read."""
    return [number_of(turned_back(frame, turn)) if orientation(frame) == turn else None for frame in frames]
