"""What is killed and disturbed: trainings and copies of a few tiny videos, and the numbers that they end with."""

import contextlib
import hashlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import VisionTransformer
from torch.optim.optimizer import register_optimizer_step_post_hook

from text4vis_core import TrainingConfig, VideoClassifier, VideoDataset, embed_videos, fit, initialise, load_videos
from text4vis_core.evaluation.metrics import topk_accuracy
from text4vis_core.model import ImageEncoder, TemporalOptions
from text4vis_core.model.video_classifier import fingerprint
from text4vis_core.processes import rank
from text4vis_core.training import AfterEpoch
from text4vis_core.training.resume import load_newest
from text4vis_lab.prepare.data_set import Work, prepare
from text4vis_lab.processes import Processes
from text4vis_lab.sources import Clips

from .harness import LIMIT

torch.set_num_threads(1)

FRAMES, SIZE, DIM = 2, 32, 16
RECIPE = {
    "epochs": 3,
    "batch_size": 4,
    "accumulate": 2,
    "lr": 3e-3,
    "warmup_epochs": 1,
    "grad_clip": 1.0,
    "checkpoint_steps": 1,
}
STEPS = 9  # of which each epoch has three: of four, four and one of the nine videos
DROP_PATH = {"vit": 0.4, "resnet": 0.0}


def build(encoder: str = "vit") -> VideoClassifier:
    """A model with stochastic depth ("vit") or with running statistics ("resnet"), always the same."""
    torch.manual_seed(0)
    if encoder == "vit":
        visual = VisionTransformer(SIZE, 16, 32, 2, 2, 4.0, output_dim=DIM)
    else:
        visual = ModifiedResNet([1, 1, 1, 1], DIM, 8, SIZE, 8)
    model = VideoClassifier(
        ImageEncoder(visual, DIM, SIZE, [0.5] * 3, [0.25] * 3), 3.0, "transformer", options=TemporalOptions(2)
    )
    return model.set_classifier(initialise("orthogonal", 3, DIM), frozen=False)


def train(
    root: Path,
    folder: Path,
    encoder: str = "vit",
    on_error: str = "raise",
    trouble: dict[int, Callable[[], None]] | None = None,
    alive: Path | None = None,
    **options,
) -> dict:
    """Train on the videos of `conftest.write_ucf101`, and test after every epoch.

    Args:
        root: of the videos.
        folder: for the checkpoint.
        encoder: see `build`.
        on_error: of a video that cannot be decoded.
        trouble: what happens after so many steps of this process.
        alive: a named pipe to hold open.
        options: of the recipe, instead of `RECIPE`.

    Returns:
        "weights" (a fingerprint), "history" (without seconds) and "skipped": what must not depend on what went wrong;
        "steps": that this process took.
    """
    model, steps, trouble = build(encoder), 0, trouble or {}
    clips = Clips(num_frames=FRAMES, on_error=on_error)
    test = load_videos("ucf101", root, "test")

    def accuracy(model: VideoClassifier) -> dict:
        tested = embed_videos(model, clips.evaluation(test, SIZE))
        scores = model.logits(tested.mean, model.classifier.weight)
        return {"test_top1": topk_accuracy(scores, tested.labels), "test_sum": scores.double().sum().item()}

    def stepped(*_) -> None:
        nonlocal steps
        steps += 1
        trouble.get(steps, int)()

    trouble.get(0, int)()
    counted = register_optimizer_step_post_hook(stepped)
    with open(alive, "w") if alive else contextlib.nullcontext():
        result = fit(
            model,
            clips.training(load_videos("ucf101", root, "train"), SIZE, seed=0),
            TrainingConfig(**RECIPE | {"drop_path": DROP_PATH[encoder]} | options),
            checkpoint_dir=folder,
            name="run",
            after_epoch=AfterEpoch(accuracy),
            progress=False,
        )
    counted.remove()
    history = [{name: value for name, value in row.items() if name != "seconds"} for row in result.history]
    return {"weights": fingerprint(model), "history": history, "skipped": result.skipped, "steps": steps}


def train_on_two(root: Path, folder: Path, restarts: int = 0, alone_at: int = 0, **options) -> dict:
    """`train` on two processes, which this one, that started them, may leave alone at a step."""
    if alone_at:
        options["trouble"] = {alone_at: partial(leave_alone, os.getpid())}
    return Processes(2, restarts=restarts).run(train, root, folder, **options)


def checkpoint(folder: Path) -> Path | None:
    """Where a training's newest checkpoint lies; None before the first."""
    found = sorted(folder.glob("run-*.pt"))
    assert len(found) <= 1, f"a run that was started again does not know its checkpoint: {found}"
    return found[0] if found else None


def steps_kept(folder: Path) -> int:
    """How many steps a training need not take again."""
    path = checkpoint(folder)
    state, _ = load_newest(path) if path else (None, False)
    return state["epoch"] * STEPS // RECIPE["epochs"] + state["step"] if state else 0


def copy(root: Path, folder: Path, num_workers: int = 0) -> dict:
    """Make a training-ready copy of the training videos.

    Returns:
        "made" and "kept" copies, and the "videos" that are then loaded: (path below the folder, label).
    """
    done = prepare(load_videos("ucf101", root, "train"), folder, work=Work(num_workers, progress=False))
    return {"made": done.made, "kept": done.kept, "videos": load_copies(folder)}


def load_copies(folder: Path) -> list[tuple[str, int]]:
    """Path below the folder, and label, of each copy."""
    videos = load_videos("prepared", folder, "train").videos
    return [(str(video.path.relative_to(folder)), video.label) for video in videos]


def embed(root: Path, cache: Path) -> str:
    """A fingerprint of the test videos' embeddings, by way of the cache."""
    embedded = Clips(num_frames=FRAMES, cache=str(cache)).embed(build(), load_videos("ucf101", root, "test"))
    return hashlib.sha256(embedded.views.numpy().tobytes()).hexdigest()


def end_workers() -> None:
    """Kill the loader's workers."""
    workers = multiprocessing.active_children()
    assert workers
    for worker in workers:
        worker.kill()


def die() -> None:
    """Kill this process, and no other."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(marker: Path) -> None:
    """Kill this process, if it is the second of several and none did so before."""
    if rank() == 1 and not marker.exists():
        marker.touch()
        die()


def leave_alone(parent: int) -> None:
    """In the first of several processes, kill the one that started them, and hang for longer than it may take them."""
    if rank() == 0:
        os.kill(parent, signal.SIGKILL)
        threading.Event().wait(LIMIT)


def poison(name: str) -> None:
    """From now on, a process that reads the video of this name dies."""
    read = VideoDataset.__getitem__

    def poisoned(self, index: int) -> dict:
        if self.videos.videos[index].path.name == name:
            die()
        return read(self, index)

    VideoDataset.__getitem__ = poisoned


def hang(path: Path) -> None:
    """Let zeros follow a video, which take no room and minutes to look through."""
    os.truncate(path, 2**38)
