"""The card of a model, README.md of its folder: what it is, what it was measured to do, and what it does not know."""

import json
from pathlib import Path
from typing import Any

from ..plain import readable
from ..shell import command
from .facts import Facts

COLUMNS = ("test", "view", "classes", "videos", "top1", "top5", "map")
FORBIDDEN = str.maketrans({"|": "\\|", "<": "&lt;", ">": "&gt;", "`": "'", "[": "\\["})


def card(folder: Path, facts: Facts) -> str:
    """The card's text, as Markdown.

    Args:
        folder: the model's.
        facts: of the model; the numbers are those of the run that made it.
    """
    training, origin, pixels = facts.training, facts.provenance, facts.architecture["size"]
    where = f"{folder.parent.name}/{folder.name}" if folder.name == "model" else folder.name
    lines = [f"# {_text(where)}", "", _what(facts), ""]
    asking = command(["text4vis", "predict", "VIDEOS", "--model", folder, "--out", "predictions.csv"])
    lines += ["## How to ask it", "", "```bash", asking]
    lines += ["```", "", "```python", "from text4vis_lab.models import load_model"]
    lines += [f'load_model({json.dumps(str(folder))}).predict(["video.mp4"])', "```", ""]
    lines += ["## What it was measured to do", "", *_table(facts), ""]
    clips = ", ".join(f"{name} {value}" for name, value in facts.clips.items())
    lines += ["## What it looks at", "", f"Frames of {pixels} x {pixels} pixels, of each video: {_text(clips)}.", ""]
    named = ", ".join(map(_text, facts.classes))
    lines += [f"## {len(facts.classes)} classes", "", f"{named}.", "", f"Prompt: {_text(facts.template)}", ""]
    if recipe := training.get("recipe"):
        lines += [
            "## Recipe",
            "",
            "| | |",
            "|---|---|",
            *(f"| {_text(k)} | {_text(v)} |" for k, v in recipe.items()),
            "",
        ]
    lines += ["## Where it comes from", "", *(f"- {_text(k)}: {_text(v)}" for k, v in _origin(facts, origin)), ""]
    lines += ["## What it does not know", "", _unknown(facts), ""]
    return "\n".join(lines)


def _what(facts: Facts) -> str:
    name = facts.clip.get("model") or "a published checkpoint"
    kind = {"cosine": "a row for each class, compared by cosine", "linear": "a linear layer with bias"}
    layer = kind.get(facts.architecture["classifier"], "a linear layer that began as text")
    kept = ", kept as they were before training" if facts.architecture["frozen"] else ""
    method = f"Method: {_text(facts.training['method'])}. " if facts.training.get("method") else ""
    return (
        f"A video classifier of {len(facts.classes)} classes on the image encoder of {_text(name)}, "
        f"{facts.architecture['temporal']} over {facts.num_frames} frames. {method}Last layer: {layer}{kept}."
    )


def _table(facts: Facts) -> list[str]:
    if not facts.measured:
        return ["Nothing: it was kept without a test."]
    columns = [name for name in COLUMNS if any(row.get(name) is not None for row in facts.measured)]
    rows = [[_number(row.get(name)) for name in columns] for row in facts.measured]
    table = [columns, ["---"] * len(columns), *rows]
    run = facts.provenance.get("run", "its run")
    data = facts.data.get("dataset", "its data")
    return [
        f"By {_text(run)} on {_text(data)}; top1, top5 and map in percent. Measured by this model, not copied.",
        "",
        *(f"| {' | '.join(row)} |" for row in table),
    ]


def _origin(facts: Facts, provenance: Any) -> list[tuple[str, Any]]:
    videos = "{videos} videos of {folder} ({dataset})".format(**facts.data) if facts.data else "nothing of its own"
    shown = [("trained on", videos)]
    if facts.clip:
        shown.append(("text tower, for other class names", facts.clip["model"]))
    return shown + [(name, value) for name, value in provenance.items() if not isinstance(value, dict)]


def _unknown(facts: Facts) -> str:
    drawn = str(facts.clip.get("model", "")).startswith("mini_clip")
    return (
        "It names one of its classes for whatever it is shown: a video of none of them gets one of them as well. "
        + ("Mini CLIP was made from drawings, and on real footage its answers mean nothing. " if drawn else "")
        + "Its numbers are those of videos like the ones that it was tested on, and of no others."
    )


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.2f}" if isinstance(value, float) else _text(value)


def _text(value: object) -> str:
    return readable(value, 400).translate(FORBIDDEN)
