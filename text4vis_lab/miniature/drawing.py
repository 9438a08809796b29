"""Shapes, the camera that looks at them, and the two ways to paint them.

Everything in the small world, people, props and scenery, is a list of shapes, back to front. `paint_footage` shades
them, as a camera would see them; `paint_illustration` draws them flat with an ink outline, as in a picture book.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

RGB = tuple[int, int, int]
OUTLINE = (44, 38, 52)


class Stroke(NamedTuple):
    """A line of the given width with round joints and ends."""

    points: tuple[complex, ...]
    width: float
    colour: RGB


class Patch(NamedTuple):
    """A filled polygon, grown on all sides by `round`."""

    points: tuple[complex, ...]
    colour: RGB
    round: float = 0.0


class Disc(NamedTuple):
    """A filled circle."""

    centre: complex
    radius: float
    colour: RGB


Shape = Stroke | Patch | Disc


@lru_cache(maxsize=4096)
def mix(colour: RGB, other: RGB, share: float) -> RGB:
    """`colour` with `share` in 0..1 of `other` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def arc(
    centre: complex, width: float, height: float, start: float = 0, stop: float = 360, count: int = 25, tilt: float = 0
) -> tuple[complex, ...]:
    """`count` points on an ellipse with these half axes, from angle `start` to `stop` (degrees, anticlockwise)."""
    turn = complex(math.cos(math.radians(tilt)), math.sin(math.radians(tilt)))
    return tuple(
        centre + turn * complex(width * math.cos(angle), height * math.sin(angle))
        for angle in (math.radians(start + (stop - start) * k / (count - 1)) for k in range(count))
    )


def box(left: float, bottom: float, right: float, top: float) -> tuple[complex, ...]:
    """The corners of an upright rectangle, anticlockwise from the lower left."""
    return complex(left, bottom), complex(right, bottom), complex(right, top), complex(left, top)


class Camera(NamedTuple):
    """Takes a point z of the world to the pixel `direct * z + flipped * conj(z) + origin` (y downwards)."""

    direct: complex
    flipped: complex
    origin: complex
    scale: float  # pixels per unit

    def __call__(self, z: complex) -> tuple[float, float]:
        """Column and row, in pixels, of the point z."""
        p = self.direct * z + self.flipped * z.conjugate() + self.origin
        return p.real, p.imag


def camera(scale: float, origin: complex, squeeze: float = 1.0, roll: float = 0.0, mirror: bool = False) -> Camera:
    """A camera that shows the world's 0 at pixel `origin`, `scale` pixels to the unit.

    `squeeze` foreshortens the horizontal, `roll` (radians) tilts the picture, `mirror` swaps left and right.
    """
    turn = scale * complex(math.cos(roll), math.sin(roll))
    wide, narrow = (squeeze + 1) / 2 * turn, (squeeze - 1) / 2 * turn
    return Camera(-wide, -narrow, origin, scale) if mirror else Camera(narrow, wide, origin, scale)


def bounds(shapes: Sequence[Shape]) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of the shapes, in the units of the world."""
    points = []
    for shape in shapes:
        if isinstance(shape, Disc):
            reach = complex(shape.radius, shape.radius)
            points += [shape.centre - reach, shape.centre + reach]
        else:
            points += shape.points
    xs, ys = [z.real for z in points], [z.imag for z in points]
    return min(xs), max(xs), min(ys), max(ys)


def _mark(draw: ImageDraw.ImageDraw, shape: Shape, view: Camera, colour: RGB, grow: float, shift: float) -> None:
    """Draw `shape` in `colour`, larger by `grow` pixels on all sides and moved `shift` pixels to the upper left."""
    if isinstance(shape, Disc):
        x, y = view(shape.centre)
        x, y, r = x - shift, y - shift, shape.radius * view.scale + grow
        if r > 0:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
        return
    points = [(x - shift, y - shift) for x, y in (view(z) for z in shape.points)]
    if isinstance(shape, Stroke):
        _line(draw, points, shape.width * view.scale + 2 * grow, colour)
        return
    rim = shape.round * view.scale + grow
    if rim < 0:  # the polygon itself has to shrink
        centre = sum(complex(x, y) for x, y in points) / len(points)
        spokes = [complex(x, y) - centre for x, y in points]
        points = [((z := centre + spoke * (1 + rim / (abs(spoke) + 1))).real, z.imag) for spoke in spokes]
    draw.polygon(points, fill=colour)
    if rim >= 0.5:
        _line(draw, [*points, points[0]], 2 * rim, colour)


def _line(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], width: float, colour: RGB) -> None:
    draw.line(points, fill=colour, width=max(1, round(width)))
    if width >= 4:
        r = width / 2 - 0.5
        for x, y in points:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def _thickness(shape: Shape, view: Camera) -> float:
    """About the smaller extent of a shape, in pixels."""
    if isinstance(shape, Disc):
        return 2 * shape.radius * view.scale
    return shape.width * view.scale if isinstance(shape, Stroke) else 20.0


def paint_footage(image: Image.Image, shapes: Sequence[Shape], view: Camera) -> None:
    """Paint the shapes with a dark edge away from the light and a highlight towards it, in place."""
    draw = ImageDraw.Draw(image)
    for shape in shapes:
        thickness = _thickness(shape, view)
        if thickness < 5:
            _mark(draw, shape, view, shape.colour, 0, 0)
            continue
        edge = min(0.13 * thickness, 2.5)
        _mark(draw, shape, view, mix(shape.colour, (16, 12, 30), 0.45), 0, 0)
        _mark(draw, shape, view, shape.colour, -edge, edge * 0.5)
        if not isinstance(shape, Patch):
            _mark(draw, shape, view, mix(shape.colour, (255, 248, 230), 0.22), -0.33 * thickness, 0.11 * thickness)


def paint_illustration(
    image: Image.Image, shapes: Sequence[Shape], view: Camera, pastel: float = 0.0, ink: float = 0.014
) -> None:
    """Paint the shapes flat, mixed with `pastel` of white, in place; the outline is `ink` units wide, 0 for none."""
    draw = ImageDraw.Draw(image)
    rim = ink * view.scale
    for shape in shapes:
        if ink and _thickness(shape, view) > 2.2 * rim:
            _mark(draw, shape, view, OUTLINE, rim, 0)
        _mark(draw, shape, view, mix(shape.colour, (255, 255, 255), pastel), 0, 0)


class Scenery(NamedTuple):
    """A place: colours from top to bottom of what lies above and below the horizon, and what stands there.

    The shapes' 0 lies in the middle of the horizon; y below 0 is ground.
    """

    above: tuple[RGB, RGB]
    below: tuple[RGB, RGB]
    shapes: list[Shape]
    grain: float  # strength of the ground's texture, in grey levels


def vary(rng: np.random.Generator, colour: RGB, spread: int = 16) -> RGB:
    """The colour, each channel at random up to `spread` of 255 darker or lighter."""
    red, green, blue = np.clip(np.array(colour) + rng.integers(-spread, spread + 1, 3), 0, 255)
    return int(red), int(green), int(blue)


def _park(rng: np.random.Generator) -> Scenery:
    hill = arc(complex(rng.uniform(-1, 1), -0.05), 1.6, 0.22, 0, 180)
    shapes: list[Shape] = [Patch(hill, vary(rng, (112, 158, 104)))]
    for x in rng.uniform(-1.7, 1.7, rng.integers(3, 6)):
        green, tall = vary(rng, (58, 120, 62), 22), rng.uniform(0.35, 0.6)
        shapes.append(Stroke((complex(x, -0.06), complex(x, tall)), 0.07, vary(rng, (96, 70, 52))))
        crown = rng.uniform(-0.12, 0.12, (3, 2))
        shapes += [Disc(complex(x + dx, tall + 0.1 + dy), rng.uniform(0.13, 0.21), green) for dx, dy in crown]
    if rng.random() < 0.5:
        x, wood = rng.uniform(-1.2, 1.0), vary(rng, (134, 92, 60))
        shapes += [Stroke((complex(x + d, -0.2), complex(x + d, -0.05)), 0.03, (70, 66, 66)) for d in (0.04, 0.4)]
        shapes += [Stroke((complex(x, y), complex(x + 0.44, y)), 0.05, wood) for y in (-0.06, 0.04)]
    return Scenery(((118, 178, 232), (214, 232, 240)), ((128, 172, 92), (84, 132, 66)), shapes, 9)


def _gym(rng: np.random.Generator) -> Scenery:
    wall = vary(rng, ((206, 190, 160), (150, 176, 190), (190, 166, 158))[rng.integers(3)])
    stripe = vary(rng, (176, 74, 66), 40)
    shapes: list[Shape] = [Patch(box(-2, 0, 2, 0.16), mix(wall, stripe, 0.55)), Stroke((-2, 2), 0.03, (232, 226, 214))]
    for x in np.arange(-1.6, 1.7, 0.8) + rng.uniform(-0.3, 0.3):
        shapes.append(Patch(box(x, 0.42, x + 0.46, 0.8), (222, 236, 244), 0.02))
        shapes.append(Stroke((complex(x + 0.23, 0.42), complex(x + 0.23, 0.8)), 0.02, (120, 120, 128)))
    x = rng.uniform(-1.1, 1.1)
    shapes.append(Patch(box(x, -0.1, x + 0.3, 0.1), vary(rng, (150, 104, 70), 30), 0.01))
    shapes.append(Disc(complex(-x, -0.02), 0.08, vary(rng, (210, 110, 60), 50)))
    return Scenery((mix(wall, (255, 255, 255), 0.2), wall), ((178, 128, 84), (206, 160, 108)), shapes, 4)


def _street(rng: np.random.Generator) -> Scenery:
    shapes: list[Shape] = []
    x = -1.9 - rng.uniform(0, 0.4)
    while x < 1.9:
        wide, tall = rng.uniform(0.45, 0.7), rng.uniform(0.5, 0.85)
        wall = vary(rng, ((196, 120, 96), (214, 190, 148), (150, 160, 176), (180, 150, 160))[rng.integers(4)])
        shapes.append(Patch(box(x, -0.02, x + wide, tall), wall))
        roof = (complex(x - 0.03, tall), complex(x + wide + 0.03, tall), complex(x + wide / 2, tall + 0.2))
        shapes.append(Patch(roof, vary(rng, (126, 72, 62))))
        for left in (x + 0.22 * wide, x + 0.62 * wide):
            shapes += [Patch(box(left, y, left + 0.1, y + 0.14), (238, 224, 168)) for y in (0.12, 0.34)]
        x += wide + rng.uniform(0.0, 0.15)
    shapes.append(Stroke((-2 - 0.05j, 2 - 0.05j), 0.09, (176, 172, 168)))
    if rng.random() < 0.6:
        x = rng.uniform(-1.2, 1.2)
        shapes.append(Stroke((complex(x, -0.08), complex(x, 0.62)), 0.03, (62, 64, 72)))
        shapes.append(Disc(complex(x, 0.66), 0.06, (250, 238, 190)))
    return Scenery(((150, 184, 214), (228, 228, 222)), ((142, 142, 148), (112, 112, 120)), shapes, 6)


def _beach(rng: np.random.Generator) -> Scenery:
    sea = vary(rng, (58, 138, 178))
    shapes: list[Shape] = [Disc(complex(rng.uniform(-1, 1), rng.uniform(0.4, 0.65)), 0.1, (255, 240, 190))]
    shapes += [Patch(box(-2, -0.13, 2, 0.02), sea), Stroke((-2 - 0.13j, 2 - 0.13j), 0.025, (236, 240, 236))]
    x = rng.uniform(-0.9, 0.9)
    shapes.append(Patch((complex(x, 0.05), complex(x + 0.02, 0.32), complex(x + 0.18, 0.07)), (244, 240, 232)))
    shapes.append(Stroke((complex(x - 0.07, 0.02), complex(x + 0.17, 0.02)), 0.04, vary(rng, (170, 70, 60), 40)))
    if rng.random() < 0.7:
        x, tone = rng.choice((-1, 1)) * rng.uniform(0.7, 1.3), vary(rng, (214, 84, 74), 50)
        shapes.append(Stroke((complex(x, -0.3), complex(x, 0.2)), 0.025, (240, 236, 226)))
        shapes.append(Patch(arc(complex(x, 0.14), 0.28, 0.16, 0, 180, 13), tone))
    return Scenery(((96, 170, 228), (232, 236, 226)), ((232, 208, 160), (216, 186, 134)), shapes, 8)


def _studio(rng: np.random.Generator) -> Scenery:
    tone = vary(rng, ((168, 174, 184), (196, 180, 164), (150, 168, 158), (178, 160, 182))[rng.integers(4)])
    x = rng.choice((-1, 1)) * rng.uniform(0.75, 1.2)
    leaf, root = vary(rng, (70, 122, 78)), complex(x, 0.02)
    shapes: list[Shape] = [Stroke((root, root + z), 0.05, leaf) for z in (-0.13 + 0.2j, -0.05 + 0.3j, 0.06 + 0.28j)]
    shapes.append(Patch((root - 0.07, root + 0.07, root + 0.05 - 0.18j, root - 0.05 - 0.18j), (176, 96, 66), 0.01))
    light, dark = mix(tone, (255, 255, 255), 0.15), mix(tone, (60, 60, 70), 0.25)
    return Scenery((mix(tone, (30, 30, 40), 0.25), tone), (light, dark), shapes, 3)


PLACES = {"park": _park, "gym": _gym, "street": _street, "beach": _beach, "studio": _studio}


def footage_background(place: str, rng: np.random.Generator, width: int, height: int, horizon: float) -> Image.Image:
    """A textured, slightly blurred view of the place; `horizon` is its height from the top, in 0..1."""
    scenery = PLACES[place](rng)
    line = round(horizon * height)
    rows = np.concatenate([_ramp(*scenery.above, line), _ramp(*scenery.below, height - line)])
    pixels = np.repeat(rows[:, None], width, axis=1)
    image = Image.fromarray(pixels.astype(np.uint8))
    paint_footage(image, scenery.shapes, camera(0.62 * height, complex(width / 2, line)))
    coarse = Image.fromarray(rng.standard_normal((height // 10, width // 10), dtype=np.float32)).resize((width, height))
    fine = rng.standard_normal((height, width), dtype=np.float32)
    depth = np.clip((np.arange(height, dtype=np.float32) - line) / (height - line), -0.25, 1)[:, None]
    grain = scenery.grain * np.where(depth < 0, 0.35, 0.4 + depth) * (0.9 * np.asarray(coarse) + 0.45 * fine)
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(height / 220)), dtype=np.float32) + grain[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _ramp(first: RGB, last: RGB, count: int) -> np.ndarray:
    return np.linspace(first, last, count, dtype=np.float32)


def illustrated_background(place: str, rng: np.random.Generator, size: int, horizon: float) -> Image.Image:
    """A flat pastel view of the place, `size` pixels square."""
    scenery = PLACES[place](rng)
    image = Image.new("RGB", (size, size), mix(scenery.above[1], (255, 255, 255), 0.45))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, horizon * size, size, size), fill=mix(scenery.below[0], (255, 255, 255), 0.4))
    paint_illustration(image, scenery.shapes, camera(0.62 * size, complex(size / 2, horizon * size)), 0.45, 0)
    return image


def patterned_paper(rng: np.random.Generator, size: int, colour: RGB) -> Image.Image:
    """A sheet of coloured paper, `size` pixels square: plain, dotted, striped or squared."""
    image = Image.new("RGB", (size, size), colour)
    draw = ImageDraw.Draw(image)
    tone, step = mix(colour, (255, 255, 255), 0.45), size / rng.integers(6, 11)
    kind = rng.choice(("plain", "dots", "stripes", "squares"))
    marks = np.arange(0, size + step, step)
    if kind == "dots":
        for row, y in enumerate(marks):
            for x in marks + (row % 2) * step / 2:
                draw.ellipse((x - step / 6, y - step / 6, x + step / 6, y + step / 6), fill=tone)
    if kind in ("stripes", "squares"):
        for x in marks:
            draw.line((x, 0, x, size), fill=tone, width=max(1, round(step / 3 if kind == "stripes" else step / 9)))
    if kind == "squares":
        for y in marks:
            draw.line((0, y, size, y), fill=tone, width=max(1, round(step / 9)))
    return image
