"""Captioned pictures, as found on the web: the actions of Puppets, flat and outlined, with a line of text each.

A model that learned from the pictures has never seen a video. Everything is a function of its seed.
"""

from collections.abc import Collection
from functools import partial

import numpy as np

from ._common import PERSON_HEIGHT, each, fit, look_up, stand_at
from .actions import ACTIONS, UNNAMED, Action
from .drawing import PLACES, RGB, camera, illustrated_background, paint_illustration, patterned_paper
from .skeleton import Actor, random_actor, with_vigour

SUPERSAMPLING = 3
PICTURES_PER_JOB = 64

PAPERS: dict[str, RGB] = {
    "white": (248, 246, 240),
    "blue": (190, 212, 238),
    "green": (200, 226, 196),
    "yellow": (246, 232, 176),
    "pink": (244, 208, 216),
    "grey": (208, 208, 214),
}
WHEREABOUTS = {
    "park": ("in a park", "on the grass"),
    "gym": ("in a gym", "in a sports hall"),
    "street": ("in the street", "in front of houses"),
    "beach": ("on the beach", "by the sea"),
    "studio": ("in a room with a plant", "indoors"),
}
NAME_TEMPLATES = ("{name}", "a picture of {name}", "a photo of {name}", "{name} {place}", "{name}, a drawing")
PERSON_TEMPLATES = (
    "a person {doing}",
    "a photo of a person {doing}",
    "a drawing of a person {doing}",
    "a person {doing} {place}",
    "someone {doing} {place}",
    "{shirt} shirted person {doing}",
    "a person in {shirt} shirt {doing} {place}",
    "someone in {shirt} shirt {doing}",
)


def _article(colour: str) -> str:
    return f"an {colour}" if colour[0] in "aeiou" else f"a {colour}"


def caption(action: Action, actor: Actor, place: str, rng: np.random.Generator, named: bool = True) -> str:
    """A caption that is true of the picture, in lower case; about half of them hold the action's own name.

    Args:
        action, actor: what is seen.
        place: where, as "in a park".
        rng: draws the wording.
        named: False for a caption without any word of the action's name, see `actions.UNNAMED`.
    """
    words = {"name": action.name, "place": place, "shirt": _article(actor.shirt_name)}
    accent = _article(actor.accent_name)
    if not named:
        doing = str(rng.choice(UNNAMED[action.name])).format(accent=accent)
        return str(rng.choice(PERSON_TEMPLATES)).format(doing=doing, **words)
    if action.states and rng.random() < 0.15:
        return str(rng.choice(action.states)).format(accent=accent)
    if rng.random() < (0.25 if action.name in action.phrase else 0.4):
        return str(rng.choice(NAME_TEMPLATES)).format(**words)
    doing = action.phrase if rng.random() < 0.35 else str(rng.choice(action.paraphrases)).format(accent=accent)
    return str(rng.choice(PERSON_TEMPLATES)).format(doing=doing, **words)


def render_picture(
    action: str, rng: np.random.Generator, size: int = 64, withheld: Collection[str] = ()
) -> tuple[np.ndarray, str]:
    """One moment of an action as an illustration: uint8 RGB (size, size, 3), and its `caption`.

    The actions of `withheld` are not named; the picture is the same. Raises ValueError for an unknown action.
    """
    entry = look_up(action)
    canvas = SUPERSAMPLING * size
    actor = with_vigour(random_actor(rng), rng.uniform(0.8, 1.15))
    mirror = bool(rng.random() < 0.5)
    shapes = entry.draw(actor, _moment(entry, rng))
    scale, left, right = fit(shapes, 0.94 * canvas, canvas, PERSON_HEIGHT * rng.uniform(0.8, 1.15) * canvas)
    foot = complex(stand_at(rng, canvas, scale, left, right, mirror), rng.uniform(0.88, 0.94) * canvas)
    if rng.random() < 0.5:
        name = str(rng.choice(list(PAPERS)))
        image = patterned_paper(rng, canvas, PAPERS[name])
        place = f"on {_article(name)} background"
    else:
        name = str(rng.choice(list(PLACES)))
        image = illustrated_background(name, rng, canvas, rng.uniform(0.56, 0.66))
        place = str(rng.choice(WHEREABOUTS[name]))
    view = camera(scale, foot, rng.uniform(0.9, 1.0), rng.uniform(-0.03, 0.03), mirror)
    paint_illustration(image, shapes, view, pastel=0.12)
    return np.asarray(image.reduce(SUPERSAMPLING)), caption(entry, actor, place, rng, action not in withheld)


def _moment(action: Action, rng: np.random.Generator) -> float:
    """When a picture is taken. Who captions a still as opening an umbrella has rather seen it open than shut."""
    if not action.time_ordered:
        return float(rng.uniform(0, 2))
    progress = float(max(rng.uniform(size=2)))
    return 1 - progress if action.backwards else progress


def _picture_batch(seed: int, size: int, withheld: Collection[str], numbers: range) -> tuple[np.ndarray, list[str]]:
    names = list(ACTIONS)
    made = [render_picture(names[n % len(names)], np.random.default_rng([seed, n]), size, withheld) for n in numbers]
    return np.stack([picture for picture, _ in made]).transpose(0, 3, 1, 2), [caption for _, caption in made]


def make_pictures(
    count: int, seed: int, size: int = 64, workers: int = 2, withheld: Collection[str] = ()
) -> tuple[np.ndarray, list[str]]:
    """Illustrations of all actions in turn: uint8 RGB (count, 3, size, size), and a caption for each.

    The actions of `withheld` are drawn as often and never named. The same for any number of workers. Takes about 2 ms
    a picture and worker.
    """
    jobs = [range(start, min(start + PICTURES_PER_JOB, count)) for start in range(0, count, PICTURES_PER_JOB)]
    pictures, captions = np.empty((count, 3, size, size), np.uint8), []
    batches = each(partial(_picture_batch, seed, size, withheld), jobs, workers, f"drawing {count:,} pictures", "batch")
    for numbers, (batch, texts) in zip(jobs, batches, strict=True):
        pictures[numbers.start : numbers.stop] = batch
        captions += texts
    return pictures, captions
