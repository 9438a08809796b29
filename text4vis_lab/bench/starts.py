"""How long it takes until something happens, in a fresh interpreter each time."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .measurement import Quantity

IMPORT_LIMIT = 0.3  # seconds


def import_seconds(module: str) -> float:
    """Seconds that `import module` takes in a fresh interpreter, without the interpreter's own start."""
    code = f"import time; begin = time.perf_counter(); import {module}; print(time.perf_counter() - begin)"
    return float(_fresh(f"importing {module}", "-c", code))


def imports(repeats: int) -> list[Quantity]:
    """Imports of the package alone, and of torch, which everything that computes needs."""
    seconds: dict[str, list[float]] = {"text4vis_core": [], "torch": []}
    for repetition in range(repeats + 1):
        for module, values in seconds.items():
            value = import_seconds(module)
            if repetition:  # the first one reads the files from the disk
                values.append(value)
    limits = {"text4vis_core": IMPORT_LIMIT}
    return [Quantity(f"import {name}", values, "s", limit=limits.get(name)) for name, values in seconds.items()]


def embeddings(model: str, weights: str | Path, video: str | Path, repeats: int) -> list[Quantity]:
    """From the command to a video's first embedding, and the same video's second one in that process.

    Args:
        model: open_clip's name.
        weights: a file of them.
        video: a file.
        repeats: fresh interpreters.
    """
    cold, warm = [], []
    for _ in range(repeats):
        first, second = call_fresh("starts", "embed_twice", model, str(weights), str(video), time.time())
        cold.append(first)
        warm.append(second)
    return [Quantity("first embedding, cold", cold, "s"), Quantity("second embedding, warm", warm, "s")]


def embed_twice(model: str, weights: str, video: str, started: float) -> tuple[float, float]:
    """Seconds from `started`, by the clock on the wall, to the embedding of a video, and to its next one."""
    import torch

    from text4vis_core.data.datasets import VideoDataset
    from text4vis_core.data.video_list import Video, VideoList
    from text4vis_core.model.clip import load_clip
    from text4vis_core.model.video_classifier import VideoClassifier

    classifier = VideoClassifier.from_clip(load_clip(model, weights))
    dataset = VideoDataset(VideoList(("video",), (Video(Path(video), 0),)), 8, classifier.size)
    with torch.no_grad():
        classifier.encode_video(dataset[0]["frames"])
        first = time.time()
        classifier.encode_video(dataset[0]["frames"])
    return first - started, time.time() - first


def save_random_weights(model: str, path: str | Path) -> None:
    """Untrained weights of one of open_clip's architectures, as a file to load."""
    from safetensors.torch import save_file

    from text4vis_core.files import replacing
    from text4vis_core.model.clip import load_clip

    with replacing(path) as temporary:
        save_file(load_clip(model, "random").model.state_dict(), temporary)


def call_fresh(module: str, function: str, *arguments: Any) -> Any:
    """What a function of this package returns for plain arguments, in a fresh interpreter.

    Raises:
        RuntimeError: it failed; with the last line that it printed.
    """
    code = (
        "import importlib, json, sys; module, function, arguments = json.loads(sys.argv[1]); "
        "print(json.dumps(getattr(importlib.import_module(module), function)(*arguments)))"
    )
    return json.loads(_fresh(module, "-c", code, json.dumps([f"{__package__}.{module}", function, arguments])))


def _fresh(what: str, *arguments: str) -> str:
    """The last line that a fresh interpreter prints, which does `what`."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines() or ["it printed nothing"]
    if done.returncode != 0:
        raise RuntimeError(f"{what} ended with status {done.returncode}: {lines[-1]}")
    return lines[-1]
