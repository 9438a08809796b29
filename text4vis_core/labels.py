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


def as_words(name: str) -> str:
    """A class name as words: `ApplyEyeMakeup`, `apply_eye_makeup` and `apply eye makeup` all become the last.

    Capitals that follow each other stay together: `PlayingTVGames` becomes `playing tv games`.
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.sub(r"[\s_]+", " ", name).strip().lower()


def prompts(names: Sequence[str], template: str = TEMPLATES["published"]) -> list[str]:
    """One prompt per class name.

    Args:
        names: class names as text.
        template: a text with `{}` where the name goes, or the key of one in `TEMPLATES`.

    Raises:
        ValueError: the template has no place, or more than one, for the name.
    """
    template = TEMPLATES.get(template, template)
    if template.count("{}") != 1:
        raise ValueError(
            f"prompt template {template!r} must hold {{}} exactly once, where the class name goes; "
            f"or be one of {', '.join(TEMPLATES)}"
        )
    return [template.replace("{}", name) for name in names]
