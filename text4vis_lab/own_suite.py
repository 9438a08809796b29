"""A suite of one's own videos, written for a folder: make book DATA=folder.

python -m text4vis_lab.own_suite FOLDER [--labels "cooking, dancing"] [--model MODEL] [--pretrained WEIGHTS]

Its runs go to runs/own-NAME, where the suite lies too. The path of the suite is printed.
"""

import argparse
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from text4vis_core.data.video_list import AnnotationError
from text4vis_core.files import replacing

from .notebooks import repository_root
from .own_videos import OwnVideos, recognise
from .plain import readable

PART = "Your videos"


def own_suite(own: OwnVideos, labels: list[str], settings: dict[str, str]) -> dict[str, Any]:
    """A suite, as a file of `experiments/` holds it: the data check and the chapter of one's own; where videos have
    labels and can be divided also zero-shot and few-shot.

    Args:
        own: the folder.
        labels: that were given.
        settings: model and pretrained, those that were given.
    """
    shared = {"dataset": "own", "data_root": own.folder.resolve().as_posix()}
    asked = shared | settings | {"on_error": "skip"}
    runs: list[dict[str, Any]] = [
        _run("your_videos", "17_your_videos", "Your videos", asked | ({"labels": labels} if labels else {})),
        _run("data_check", "07_data_check", "What is in the folder", shared | {"splits": ["all"]}),
    ]
    if not own.too_few:
        smallest = min(own.train.labels.tolist().count(label) for label in range(len(own.classes)))
        shots = sorted({1, min(4, smallest)})
        runs += [
            _run("zero_shot", "02_zero_shot", "By the names alone", asked),
            _run("few_shot", "03_few_shot", "With a few labels", asked | {"shots": shots, "seeds": [0, 1, 2]}),
        ]
    return {"description": f"Videos of your own: {readable(own.sentence, 400)}", "reference": False, "runs": runs}


def write_suite(folder: str | Path, labels: list[str], settings: dict[str, str]) -> Path:
    """Write the suite of a folder; returns its path, below the root of the repository.

    Raises:
        AnnotationError, ValueError: as `recognise`; also for videos without labels and names, and a model without any.
    """
    own = recognise(folder, labels)
    if not own.classes and not settings.get("model"):
        remedy = 'say make book DATA=... LABELS="cooking, dancing", or put them into folders that are called so'
        raise ValueError(f"{own.folder}: the videos lie in no folders of classes, and no names are given: {remedy}")
    name = f"own-{slug(own.folder.resolve().name)}"
    path = Path("runs", name, f"{name}.yaml")
    with replacing(path) as temporary:
        text = yaml.safe_dump(own_suite(own, labels, settings), sort_keys=False, allow_unicode=True)
        temporary.write_text(text, encoding="utf-8")
    print(own.sentence, file=sys.stderr)
    return path


def slug(name: str) -> str:
    """A folder's name in letters, digits and hyphens; "videos" where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60] or "videos"


def _run(name: str, notebook: str, title: str, parameters: dict[str, Any]) -> dict[str, Any]:
    resources = {"cores": 1, "mem_mb": 4000, "minutes": 60}
    head = {"name": name, "notebook": notebook, "title": title, "part": PART}
    return head | {"parameters": parameters, "resources": resources}


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.own_suite", description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--labels", default="", help="names to choose between, with commas between them")
    parser.add_argument("--model", default="", help="as the setting model")
    parser.add_argument("--pretrained", default="", help="as the setting pretrained")
    given = parser.parse_args()
    settings = {name: value for name in ("model", "pretrained") if (value := getattr(given, name))}
    labels = [name.strip() for name in given.labels.split(",")] if given.labels.strip() else []
    folder = Path(given.folder).expanduser().absolute()
    try:
        root = repository_root()
        if root != Path.cwd():
            raise ValueError(f"give this command in {root}")
        print(write_suite(folder, labels, settings))
    except (AnnotationError, ValueError, OSError) as error:
        print(f"error: {readable(error, 4000)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
