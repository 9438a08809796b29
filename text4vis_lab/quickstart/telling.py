"""What is said of what a model sees: a figure's texts, its reading, and the answer."""

from typing import Any

import pandas as pd

from .. import figures
from .looking import Look


def over_time(seen: Look, truth: str = "") -> dict[str, Any]:
    """The figure of the probabilities as frames come in, as `Lab.show` takes it."""
    data, count = seen.over_time(truth), len(seen.frames)
    first = seen.model.classes[int(seen.steps[0].argmax())]
    caption = "Probabilities of the likeliest classes as frames come in, from the first one to all of them."
    alt = (
        f"Curves over 1 to {count} frames: {first!r} leads after the first frame with {_percent(seen, 0, first)}, "
        f"{seen.best!r} after all with {_percent(seen, -1, seen.best)}."
    )
    options = {"x": "frames seen", "y": "probability (%)", "hue": "class", "title": "What the model makes of it"}
    return {
        "draw": figures.over,
        "data": data,
        "name": "over_time",
        "caption": caption,
        "alt": alt,
        "options": options,
    }


def reading(seen: Look) -> str:
    """What the figure shows, in words."""
    leads = [seen.model.classes[int(step.argmax())] for step in seen.steps]
    since = next(place for place in range(len(leads)) if len(set(leads[place:])) == 1)
    first, last = _percent(seen, 0, seen.best), _percent(seen, -1, seen.best)
    when = "from the first frame on" if since == 0 else f"from frame {since + 1} of {len(leads)} on"
    before = "" if since == 0 else f" Before that {leads[since - 1]!r} was ahead."
    grown = f"its probability is {first} by the first frame alone and {last} by all"
    return f"{seen.best!r} leads {when}: {grown}.{before}"


def answers(seen: Look, truth: str, reworded: pd.DataFrame, note: str) -> list[str]:
    """The answer: what the model takes the video for, what another wording does to it, and what speaks against it."""
    shows = "" if not truth else "; that is what it shows" if truth == seen.best else f"; it shows {truth!r}"
    told = [f"Most probably {seen.best!r} ({_percent(seen, -1, seen.best)}){shows}."]
    for row in reworded.to_dict("records"):
        before, after = row["probability (%)"], row["reworded probability (%)"]
        change = f"has {after:.0f} % in the place of {before:.0f} %"
        told.append(f"Called {row['reworded']!r}, {row['name']!r} {change}.")
    return told + [note] * bool(note)


def _percent(seen: Look, step: int, name: str) -> str:
    return f"{100 * seen.steps[step][seen.model.classes.index(name)]:.0f} %"
