"""One rehearsal, in a process of its own: python -m text4vis_lab.rehearsal.measure EXTENT SUITE FOLDER RUN [RUN ...]

Of the runs, whose computation is the same, the first is rehearsed; of the others the data alone is read. EXTENT is
"whole", or "brief": a training step, an export and a view, but no resume. Writes `measured.json` into the folder.
"""

import math
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from text4vis_core.data.formats.readers import load_videos
from text4vis_core.data.video_list import VideoList
from text4vis_core.files import first_line
from text4vis_core.model.checkpoints import save_text4vis_checkpoint
from text4vis_core.model.clip import Clip, load_clip
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.training.loop import AfterEpoch, fit
from text4vis_core.training.recipe import TrainingConfig
from text4vis_core.training.resume import load_checkpoint

from ..cell import Cell
from ..class_embeddings import save_class_embeddings
from ..experiment import begin, own_scores
from ..lists import repeated
from ..plain import write_json
from ..settings import by_name
from ..sources import Clips, Source
from ..suites import Run, read_suite
from ..tournament.methods import Method
from .plan import Plan, brief, plan_of
from .running import WEIGHTS
from .settings import clips_of, config_of, folds_of, methods_of, settings_of, splits_of
from .stand_ins import link

ALIKE = 0.1  # largest difference between a resumed and an uninterrupted training, as a share of the last step


def measure(runs: list[Run], plan: Plan, folder: Path, whole: bool = True) -> dict[str, Any]:
    """Rehearse the first run.

    Args:
        runs: with the same computation; each one's data is read.
        plan: how much of it.
        folder: of the rehearsal; the stand-ins lie in the folder `data` beside it.
        whole: two steps of training and a resume from the first; else a step.

    Returns:
        A dictionary of `parameters`; `train_video` and `view`, the seconds of a training video and of a view of a test
        video, as planned; `peak_gb` and `gpu_peak_gb`, memory; `resume_difference`, as a share of the last step;
        `classes` and `all_classes`, the class names used and those there are; `no_weights`, whether the CLIP's were not
        here.

    Raises:
        RuntimeError: a resumed training does not end where the uninterrupted one did.
        FloatingPointError: a score is not finite.
    """
    settings, weights = settings_of(runs[0]), folder / WEIGHTS
    weights.mkdir(exist_ok=True)
    _say("data")
    lists, *_ = [_stand_ins(settings_of(run), folder.parent / "data") for run in runs]
    count = len(lists["test"].classes)
    kept = range(min(plan.classes or count, count))
    lists = {split: videos.select_classes(kept) for split, videos in lists.items()}
    _say("model")
    torch.manual_seed(0)
    try:
        clip, no_weights = load_clip(settings["model"], settings["pretrained"] or None), False
    except (ValueError, FileNotFoundError) as error:
        print(first_line(error), flush=True)
        clip, no_weights = load_clip(settings["model"], "random"), True
    source = replace(_source(settings, clip, weights), num_frames=plan.frames)
    workers = min(settings["num_workers"], os.cpu_count() or 1)
    clips = clips_of(settings, num_frames=plan.frames, on_error="raise", num_workers=workers)
    _say("class embeddings")
    rows = source.embed_classes(lists["test"])
    measured: dict[str, Any] = {"no_weights": no_weights, "classes": len(kept), "all_classes": count}
    if plan.batch_size:
        # Every model begins with the class embeddings; a file of them is quicker than the text tower again.
        file, names = weights / "class_embeddings.safetensors", lists["test"].class_names(source.names)
        save_class_embeddings(file, names, rows, clip.source, source.template)
        config = config_of(
            settings,
            num_workers=workers,
            epochs=2 if whole else 1,  # of a step each
            warmup_epochs=0,
            batch_size=plan.batch_size,
            accumulate=plan.accumulate,
        )
        method, *others = methods_of(settings)
        train = _Training(replace(source, class_embeddings=str(file)), lists, clips, config, weights)
        for other in others:
            train.step(other)
        model, timings = train.resumed(method) if whole else (train.step(method), {})
        measured |= timings
    else:
        model = source.build().set_classifier(rows)
        clips.embed(model, repeated(lists["test"], 1))  # the first call is slower
    measured["parameters"] = sum(parameter.numel() for parameter in model.parameters())
    if settings.get("export"):
        _say("export")
        save_text4vis_checkpoint(weights / "export.pt", model)
    _say("evaluation")
    test = repeated(lists["test"], plan.videos)
    started = time.perf_counter()
    embedded = clips.embed(model, test, (plan.clips, plan.crops))
    measured["view"] = (time.perf_counter() - started) / (plan.videos * plan.clips * plan.crops)
    if not own_scores(model, embedded).isfinite().all():
        raise FloatingPointError("a score of a test video is not finite")
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    cuda = torch.cuda.is_available()
    return measured | {
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9,
        "gpu_peak_gb": torch.cuda.max_memory_allocated() / 1e9 if cuda else None,
    }


class _Training:
    """Trainings of a few steps, begun as the notebooks begin theirs: an epoch is one step."""

    def __init__(self, source: Source, lists: dict[str, VideoList], clips: Clips, config: TrainingConfig, folder: Path):
        self.source, self.lists, self.clips, self.config, self.folder = source, lists, clips, config, folder

    def step(self, method: Method) -> VideoClassifier:
        """The model after a step."""
        _say(f"a step of {method.name}")
        config = replace(self.config, epochs=1)
        return self._fit(method, config, self.folder / f"step-{method.initialisation}-{method.frozen}")[0]

    def resumed(self, method: Method) -> tuple[VideoClassifier, dict[str, float]]:
        """Two steps, and the second once more from the checkpoint of the first. Returns the resumed model."""
        whole, interrupted = self.folder / "whole", self.folder / "interrupted"
        before: dict[str, Tensor] = {}

        def after_epoch(model: VideoClassifier) -> dict:
            if not before:
                before.update({name: tensor.detach().cpu().clone() for name, tensor in model.named_parameters()})
            else:  # the checkpoint of the first epoch, which that of the second is about to replace
                interrupted.mkdir()
                [path] = whole.glob("*.pt")
                link(path, interrupted / path.name)
            return {}

        _say("training")
        model, history = self._fit(method, self.config, whole, after_epoch)
        last_step = _distance(model, before)
        before.clear()
        del model
        _say("resume")
        model, _ = self._fit(method, self.config, interrupted)
        [path] = whole.glob("*.pt")
        difference = _distance(model, load_checkpoint(path)["model"]) / last_step
        if not difference <= ALIKE:
            raise RuntimeError(f"a resumed training ends {difference:.2g} of a step away from an uninterrupted one")
        seconds = history[1]["seconds"] - history[0]["seconds"]
        return model, {"train_video": seconds / self.config.batch_size, "resume_difference": difference}

    def _fit(
        self, method: Method, config: TrainingConfig, folder: Path, after_epoch: Callable | None = None
    ) -> tuple[VideoClassifier, list[dict]]:
        """The model after training, and the history."""
        train = self.lists["train"]
        model, _ = begin(Cell(method, train, {}, config), self.source, self.clips)
        dataset = self.clips.training(repeated(train, config.batch_size), model.size, config.seed)
        measured = AfterEpoch(after_epoch) if after_epoch else None
        done = fit(
            model, dataset, config, checkpoint_dir=folder, name="rehearsal", after_epoch=measured, progress=False
        )
        return model, done.history


@torch.no_grad()
def _distance(model: VideoClassifier, weights: dict[str, Tensor]) -> float:
    """Between a model's parameters and others."""
    squares = [(p.cpu() - weights[name]).double().square().sum().item() for name, p in model.named_parameters()]
    return math.sqrt(sum(squares))


def _stand_ins(settings: dict[str, Any], data: Path) -> dict[str, VideoList]:
    """The stand-ins' "train" and "test" of the first fold; every fold and every few-shot draw is made."""
    lists: dict[str, VideoList] = {}
    for fold, split in product(folds_of(settings), splits_of(settings)):
        videos = load_videos(settings["dataset"], data / settings["dataset"], split, fold)
        if split == "train" and "shots" in settings:
            draws = [videos.few_shot(shots, seed) for shots in settings["shots"] for seed in settings["seeds"]]
            videos = draws[-1]
        lists.setdefault("train" if split == "train" else "test", videos)
    return lists


def _source(settings: dict[str, Any], clip: Clip, weights: Path) -> Source:
    """The run's source; where its checkpoint is not here, one of random weights is written and read in its place."""
    checkpoint = settings["checkpoint"]
    if checkpoint and not Path(checkpoint).is_file():
        inside = settings["checkpoint_temporal"]
        temporal = "transformer" if inside in ("auto", "none") else f"{inside}+transformer"
        heads = settings["temporal_heads"] or None
        checkpoint = str(weights / "stand-in.pt")
        save_text4vis_checkpoint(checkpoint, VideoClassifier.from_clip(clip, temporal, heads, settings["num_frames"]))
    file = settings["class_embeddings"]
    file = file if file and Path(file).is_file() else ""
    return by_name(Source, settings, clip=clip, checkpoint=checkpoint, class_embeddings=file)


def _say(stage: str) -> None:
    """Tell the log where a rehearsal is, and with it how far it came when it is killed."""
    print(f"stage: {stage} ({time.process_time():.0f} s of CPU time so far)", flush=True)


if __name__ == "__main__":
    extent, suite_file, folder, *names = sys.argv[1:]
    suite = read_suite(suite_file)
    group, whole = [suite.run(name) for name in names], extent == "whole"
    plan = plan_of(group[0]) if whole else brief(plan_of(group[0]))
    write_json(Path(folder, "measured.json"), measure(group, plan, Path(folder), whole))
