"""Training: the published schedule and rates, and runs that come out the same however they are interrupted."""

import json
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from conftest import REFERENCE
from hypothesis import given
from hypothesis import strategies as st

from text4vis_core import TrainingConfig, VideoClassifier, VideoDataset, VideoError, embed_videos, fit, initialise
from text4vis_core.data import Augmentation, Views
from text4vis_core.data.video_list import VideoList
from text4vis_core.evaluation.metrics import topk_accuracy
from text4vis_core.files import CheckpointError
from text4vis_core.model.video_classifier import fingerprint
from text4vis_core.training import AfterEpoch
from text4vis_core.training import loop as training
from text4vis_core.training.recipe import parameter_groups, warmup_cosine
from text4vis_core.training.resume import load_checkpoint

CONFIG = TrainingConfig(epochs=3, batch_size=4, lr=3e-3, warmup_epochs=1, grad_clip=1.0)


@pytest.fixture
def fresh(clip):
    """Models that are all alike: trainable rows, temporal transformer."""

    def build() -> VideoClassifier:
        model = VideoClassifier.from_clip(clip, "transformer", seed=1)
        return model.set_classifier(initialise("orthogonal", 3, 16), frozen=False)

    return build


@pytest.fixture
def dataset(train_videos):
    return VideoDataset(train_videos, 2, 32, Views(training=True))


def train(model, dataset, folder, config=CONFIG, **options):
    return fit(model, dataset, config, checkpoint_dir=folder, name="run", progress=False, **options)


def without_time(history) -> list[dict]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


def test_schedule_is_the_published_one():
    """The published loop set the rate after its steps 0, 9 and 19 of an epoch's 25, from epoch + step / 25."""
    rows = json.loads((REFERENCE / "lr_schedule.json").read_text())
    assert len(rows) == 25 * 30
    for epoch, step, clip_lr, new_lr in rows:
        factor = warmup_cosine(epoch + max(set_at for set_at in (0, 9, 19) if set_at <= step) / 25, 30, 5)
        assert (5e-6 * factor, 5e-5 * factor) == pytest.approx((clip_lr, new_lr), rel=1e-9, abs=1e-15)


@given(st.integers(1, 50).flatmap(lambda n: st.tuples(st.just(n), st.floats(0, n), st.floats(0, n, exclude_max=True))))
def test_schedule_is_a_factor_that_rises_then_falls(numbers):
    total, warmup, epoch = numbers
    now, later = warmup_cosine(epoch, total, warmup), warmup_cosine((epoch + total) / 2, total, warmup)
    assert 0 <= now <= 1
    if epoch >= warmup:
        assert later <= now
    if warmup > 1e-6:
        assert warmup_cosine(0, total, warmup) == 0
        assert warmup_cosine(warmup / 2, total, warmup) == pytest.approx(0.5)


def test_clip_moves_at_a_tenth_of_the_rate_of_everything_new(fresh):
    model = fresh()
    clip, new = parameter_groups(model, TrainingConfig(lr=5e-5))
    assert (clip["peak_lr"], new["peak_lr"]) == (pytest.approx(5e-6), pytest.approx(5e-5))
    assert {*map(id, clip["params"])} == {*map(id, [*model.visual.parameters(), model.logit_scale])}
    assert {*map(id, new["params"])} == {*map(id, [*model.temporal.parameters(), model.classifier.weight])}


def test_frozen_rows_are_in_no_group(model):
    [clip] = parameter_groups(model, TrainingConfig())
    assert {*map(id, clip["params"])} == {*map(id, model.parameters())}
    assert all(parameter is not model.classifier.weight for parameter in clip["params"])


def test_training_learns_what_the_test_videos_show(fresh, train_videos, test_videos, tmp_path):
    model = fresh()
    dataset = VideoDataset(train_videos, 2, 32, Views(training=True, augmentation=Augmentation(grayscale=0.0)))
    history = train(model, dataset, tmp_path, replace(CONFIG, epochs=8)).history
    assert [row["epoch"] for row in history] == list(range(1, 9))
    assert history[-1]["loss"] < 0.1 < 1 < history[0]["loss"]
    assert history[-1]["train_top1"] == 100
    assert all(later["seconds"] > now["seconds"] for now, later in pairwise(history))
    tested = embed_videos(model, VideoDataset(test_videos, 2, 32))
    assert topk_accuracy(model.logits(tested.mean, model.classifier.weight), tested.labels) == 100


@pytest.mark.parametrize("accumulate", [2, 4])
def test_micro_batches_sum_to_the_whole_batch(fresh, dataset, tmp_path, accumulate):
    whole, parts = fresh(), fresh()
    # A large eps: AdamW else turns the rounding of a gradient that is nearly zero into a whole step.
    config = replace(CONFIG, epochs=2, eps=1e-2)
    first = train(whole, dataset, tmp_path, config)
    second = train(parts, dataset, tmp_path, replace(config, accumulate=accumulate))
    assert first.history[-1]["loss"] == pytest.approx(second.history[-1]["loss"], abs=1e-4)
    start = fresh().state_dict()
    for name, weight in parts.state_dict().items():
        assert torch.allclose(weight, whole.state_dict()[name], atol=1e-5), name
    assert any((weight - start[name]).abs().max() > 1e-3 for name, weight in whole.state_dict().items())


def test_the_same_run_twice_is_bit_identical(fresh, dataset, tmp_path):
    runs = []
    for folder in ("a", "b"):
        model = fresh()
        torch.rand(7)  # the global generator's state has no say
        runs.append((without_time(train(model, dataset, tmp_path / folder).history), fingerprint(model)))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("stop_after", [1, 2])
def test_an_interrupted_run_ends_with_the_same_numbers(fresh, dataset, tmp_path, stop_after):
    whole, broken, resumed = fresh(), fresh(), fresh()
    expected = train(whole, dataset, tmp_path / "whole")
    calls = []

    def pull_the_plug(model):
        calls.append(model.training)
        if len(calls) > stop_after:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        train(broken, dataset, tmp_path / "broken", after_epoch=AfterEpoch(pull_the_plug))
    seen = []
    result = train(resumed, dataset, tmp_path / "broken", after_epoch=AfterEpoch(lambda model: seen.append(1) or {}))
    assert len(seen) == CONFIG.epochs - stop_after
    assert without_time(result.history) == without_time(expected.history)
    assert fingerprint(resumed) == fingerprint(whole)
    assert calls == [False] * (stop_after + 1)


@pytest.mark.slow
@pytest.mark.parametrize(("accumulate", "workers"), [(1, 0), (2, 2)])
def test_a_run_interrupted_anywhere_inside_an_epoch_ends_with_the_same_numbers(
    fresh, dataset, tmp_path, monkeypatch, accumulate, workers
):
    """It is stopped again and again, right after every checkpoint."""
    config = replace(CONFIG, checkpoint_steps=1, accumulate=accumulate, num_workers=workers)
    whole = fresh()
    expected = train(whole, dataset, tmp_path / "whole", config)
    save, stops = training.save_checkpoint, 0

    def save_and_stop(*arguments, **options):
        save(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "save_checkpoint", save_and_stop)
    for _ in range(20):
        model = fresh()
        try:
            result = train(model, dataset, tmp_path / "broken", config)
            break
        except KeyboardInterrupt:
            stops += 1
    assert stops == CONFIG.epochs * 3  # nine videos, four in a step
    assert without_time(result.history) == without_time(expected.history)
    assert fingerprint(model) == fingerprint(whole)


@pytest.mark.parametrize("damage", [b"", b"no zip", "flipped"])
def test_a_damaged_checkpoint_has_a_good_one_before_it(fresh, dataset, tmp_path, damage):
    whole, resumed = fresh(), fresh()
    expected = train(whole, dataset, tmp_path / "whole")
    calls = []

    def pull_the_plug(model):
        calls.append(1)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        train(fresh(), dataset, tmp_path / "broken", after_epoch=AfterEpoch(pull_the_plug))
    [path] = (tmp_path / "broken").glob("*.pt")
    if damage == "flipped":
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        damage = bytes(data)
    last = path.with_name(f"{path.name}.last")

    def still_good(model):
        load_checkpoint(last)
        return {}

    path.unlink()  # the last good one may be the same file by another name
    path.write_bytes(damage)
    with pytest.warns(UserWarning, match=f"{path.name}.*going on from .*{path.name}.last, the one before"):
        result = train(resumed, dataset, tmp_path / "broken", after_epoch=AfterEpoch(still_good))
    assert without_time(result.history) == without_time(expected.history)
    assert fingerprint(resumed) == fingerprint(whole)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_finished_run_returns_at_once(fresh, dataset, tmp_path, monkeypatch):
    first, second = fresh(), fresh()
    expected = train(first, dataset, tmp_path, after_epoch=AfterEpoch(lambda model: {"test_top1": 12.5}))
    monkeypatch.setattr(VideoDataset, "__getitem__", lambda *_: pytest.fail("a video was read"))
    result = train(second, dataset, tmp_path)
    assert result.history == expected.history
    assert result.history[-1]["test_top1"] == 12.5
    assert fingerprint(second) == fingerprint(first)
    assert not second.training


@pytest.mark.parametrize("change", ["lr", "seed", "videos", "frames", "weights", "frozen"])
def test_a_changed_setting_does_not_meet_the_old_checkpoint(fresh, clip, dataset, train_videos, tmp_path, change):
    config = replace(CONFIG, epochs=1)
    train(fresh(), dataset, tmp_path, config)
    model, other = fresh(), dataset
    if change == "lr":
        config = replace(config, lr=2e-2)
    elif change == "seed":
        config = replace(config, seed=1)
    elif change == "videos":
        other = VideoDataset(train_videos.few_shot(2, 0), 2, 32, Views(training=True))
    elif change == "frames":
        other = VideoDataset(train_videos, 3, 32, Views(training=True))
    elif change == "weights":
        model = VideoClassifier.from_clip(clip, "transformer", seed=2).set_classifier(
            model.classifier.weight.data, False
        )
    else:
        model.set_classifier(model.classifier.weight.data, frozen=True)
    calls = []
    train(model, other, tmp_path, config, after_epoch=AfterEpoch(lambda model: calls.append(1) or {}))
    assert calls == [1]
    assert len(list(tmp_path.glob("run-*.pt"))) == 2


def test_a_run_is_known_by_the_code_that_was_loaded(fresh, dataset, tmp_path, monkeypatch):
    config = replace(CONFIG, epochs=1)
    train(fresh(), dataset, tmp_path, config)
    monkeypatch.setattr(training, "code_fingerprint", lambda folder: "edited meanwhile")
    train(fresh(), dataset, tmp_path, config)
    assert len(list(tmp_path.glob("run-*.pt"))) == 1


def test_a_folder_that_cannot_be_written_fails_before_training(fresh, dataset, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(VideoDataset, "__getitem__", lambda *_: pytest.fail("training began"))
    with pytest.raises(CheckpointError, match=r"cannot write to .*file/checkpoints"):
        train(fresh(), dataset, tmp_path / "file" / "checkpoints")


def test_a_damaged_checkpoint_is_named(fresh, dataset, tmp_path):
    config = replace(CONFIG, epochs=1)
    train(fresh(), dataset, tmp_path, config)
    [path] = tmp_path.glob("run-*.pt")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(CheckpointError, match=path.name):
        train(fresh(), dataset, tmp_path, config)


@pytest.mark.parametrize("grad_clip", [None, 1.0])
def test_a_loss_that_is_not_finite_stops_with_the_remedy(fresh, dataset, tmp_path, grad_clip):
    model = fresh()
    with torch.no_grad():
        model.visual.conv1.weight[0] = float("nan")
    with pytest.raises(FloatingPointError, match="the loss is nan in epoch 0; lower lr"):
        train(model, dataset, tmp_path, replace(CONFIG, grad_clip=grad_clip))
    assert list(tmp_path.glob("*.pt")) == []


def test_a_model_without_a_classifier(clip, dataset, tmp_path):
    with pytest.raises(RuntimeError, match="call set_classifier"):
        train(VideoClassifier.from_clip(clip), dataset, tmp_path)


@pytest.fixture
def broken_videos(train_videos, tmp_path) -> VideoList:
    path = tmp_path / "broken.avi"
    path.write_text("broken")
    first, *rest = train_videos.videos
    return VideoList(train_videos.classes, (replace(first, path=path), *rest))


def test_a_broken_video_stops_training_by_default(fresh, broken_videos, tmp_path):
    with pytest.raises(VideoError, match=r"broken\.avi"):
        train(fresh(), VideoDataset(broken_videos, 2, 32, Views(training=True)), tmp_path / "run")


@pytest.mark.parametrize("accumulate", [1, 4])
def test_a_skipped_video_is_listed_once(fresh, broken_videos, tmp_path, accumulate):
    dataset = VideoDataset(broken_videos, 2, 32, Views(training=True), on_error="skip")
    result = train(fresh(), dataset, tmp_path / "run", replace(CONFIG, accumulate=accumulate))
    [(path, reason)] = result.skipped
    assert path == str(broken_videos.videos[0].path)
    assert "no decoder can open it" in reason
    again = train(fresh(), dataset, tmp_path / "run", replace(CONFIG, accumulate=accumulate))
    assert again.skipped == result.skipped


def test_training_on_broken_videos_only(fresh, broken_videos, tmp_path):
    only = VideoList(broken_videos.classes, broken_videos.videos[:1])
    with pytest.raises(ValueError, match="none of the 1 training videos could be decoded"):
        train(fresh(), VideoDataset(only, 2, 32, Views(training=True), on_error="skip"), tmp_path / "run")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"accumulate": 0}, "accumulate is 0"),
        ({"batch_size": 6, "accumulate": 4}, "accumulate 4 does not divide batch_size 6"),
        ({"epochs": 3, "warmup_epochs": 4}, "warmup_epochs is 4; it must lie between 0 and epochs, 3"),
        ({"warmup_epochs": -1}, "warmup_epochs is -1"),
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0; it must be at least 0 and less than 1"),
        ({"drop_path": -0.1}, "drop_path is -0.1; it must be at least 0 and less than 1"),
        ({"objective": "nce"}, "unknown objective 'nce'; choose from: classifier, contrastive"),
        ({"objective": "contrastive", "label_smoothing": 0.1}, "label_smoothing is of the objective 'classifier'"),
    ],
)
def test_impossible_recipes(wrong, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**wrong)


def test_the_augmentation_on_the_device_is_told_from_the_cpu():
    """Reading a value of the device's would wait for it; of the meta device, no value can be read."""
    batch = {
        "frames": torch.zeros(2, 3, 3, 16, 16, dtype=torch.uint8),
        "finish": torch.tensor([[1, 1, 1.0, 1], [0, 0, 0.0, 0]]),
        "labels": torch.zeros(2, dtype=torch.int64),
    }
    run = SimpleNamespace(fabric=SimpleNamespace(device=torch.device("meta")))
    inputs = training._Run._inputs(run, batch)
    assert {name: (value.device.type, tuple(value.shape)) for name, value in inputs.items()} == {
        "frames": ("meta", (2, 3, 3, 16, 16)),
        "labels": ("meta", (2,)),
    }


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_step_does_not_wait_for_the_gpu(fresh, dataset, tmp_path, monkeypatch):
    """In bf16, which has no scaler: a scaler has to look at its gradients. The first step sets things up."""
    step = training._Run._train_step

    def watched(run, *arguments):
        torch.cuda.set_sync_debug_mode("error" if run.step else "default")
        try:
            step(run, *arguments)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(training._Run, "_train_step", watched)
    train(fresh(), dataset, tmp_path, replace(CONFIG, precision="bf16-mixed"))
