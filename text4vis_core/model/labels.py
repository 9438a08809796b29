"""Class names as text, and the prompts made of them."""

import re
from collections.abc import Sequence

# The published template, and others that are worth comparing with it.
TEMPLATES = {
    "published": "a video of a person {}.",
    "name": "{}",
    "photo": "a photo of a person {}.",
    "action": "a person doing {}.",
}

# "published" is what the release feeds to the tokenizer; "words" splits `ApplyEyeMakeup` into words.
NAME_STYLES = ("published", "words")


def as_words(name: str) -> str:
    """A class name as words: `ApplyEyeMakeup`, `apply_eye_makeup` and `apply eye makeup` all become the last.

    Capitals that follow each other stay together: `PlayingTVGames` becomes `playing tv games`.
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.sub(r"[\s_]+", " ", name).strip().lower()


def class_names(names: Sequence[str], style: str = "words") -> list[str]:
    """Class names, as a data set spells them, as text.

    In the style "published" underscores become spaces, and `ApplyEyeMakeup` stays one word; "words" is `as_words`. A
    ValueError with the choices for another.
    """
    if style not in NAME_STYLES:
        raise ValueError(f"names are {style!r}; choose from: {', '.join(NAME_STYLES)}")
    return [as_words(name) if style == "words" else name.replace("_", " ") for name in names]


def directional(names: Sequence[str]) -> frozenset[int]:
    """Ids of class names that say left or right, so that the mirror image of their videos shows something else."""
    words = (name.lower().replace("_", " ") for name in names)
    return frozenset(i for i, name in enumerate(words) if re.search(r"\b(left|right)\b", name))


def prompts(names: Sequence[str], template: str = TEMPLATES["published"]) -> list[str]:
    """One prompt per class name.

    Args:
        names: class names as text.
        template: a text with `{}` once, where the name goes (else a ValueError), or the key of one in `TEMPLATES`.
    """
    template = TEMPLATES.get(template, template)
    if template.count("{}") != 1:
        remedy = f"must hold {{}} exactly once, where the class name goes; or be one of {', '.join(TEMPLATES)}"
        raise ValueError(f"prompt template {template!r} {remedy}")
    return [template.replace("{}", name) for name in names]
