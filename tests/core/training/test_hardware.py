"""Processes, shards and precision: whatever the strategy, the same weights come out, and the same state is saved."""

import copy
import math
import os
import shutil
import socket
from contextlib import nullcontext
from dataclasses import replace

import open_clip
import pytest
import torch
from lightning_fabric.plugins import MixedPrecision
from torch import multiprocessing, nn

from text4vis_core import TrainingConfig, VideoClassifier
from text4vis_core.model import ImageEncoder, TemporalOptions, kernels
from text4vis_core.model.kernels import use_fast_kernels
from text4vis_core.model.residual import recompute, stochastic_depth
from text4vis_core.training.hardware import (
    clip_gradients,
    compiled,
    full_state,
    load_full_state,
    make_fabric,
    make_optimizer,
)
from text4vis_core.training.objectives import ClassifierObjective
from text4vis_core.training.recipe import parameter_groups

CONFIG = TrainingConfig(lr=1e-2, eps=1e-2, drop_path=0.4, grad_clip=0.5)
STEPS, BATCH, FRAMES = 3, 4, 2


@pytest.fixture(scope="module", autouse=True)
def on_the_cpu():
    """Where there is a GPU, these tests leave it alone, but for those that are marked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        yield


def build() -> VideoClassifier:
    """A ViT of a few thousand weights, a temporal transformer and trainable rows; always the same."""
    text = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1}
    vision = {"layers": 3, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 16}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        visual = open_clip.model.CLIP(16, vision, text).visual
        encoder = ImageEncoder(visual, 16, 16, (0.5,) * 3, (0.25,) * 3)
        model = VideoClassifier(encoder, 2.0, "transformer", options=TemporalOptions(layers=2))
        return model.set_classifier(torch.randn(5, 16), frozen=False)


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    frames = torch.randint(0, 256, (BATCH, FRAMES, 3, 16, 16), dtype=torch.uint8, generator=generator)
    return frames, torch.randint(0, 5, (BATCH,), generator=generator)


class Run:
    """A model with all that trains it."""

    def __init__(self, strategy: str = "auto", config: TrainingConfig = CONFIG):
        self.fabric, self.model, self.config = make_fabric(strategy=strategy), build(), config
        self.fabric.launch()
        self.objective = self.fabric.setup_module(ClassifierObjective(self.model))
        self.optimizer = self.fabric.setup_optimizers(make_optimizer(parameter_groups(self.model, config), config))

    def train(self, steps: range, accumulate: int = 1) -> list[float]:
        """The gradients' norm before each step."""
        norms, mine = [], slice(self.fabric.global_rank, None, self.fabric.world_size)
        self.objective.train()
        with (
            stochastic_depth(self.model.visual, self.config.drop_path) as depth,
            recompute(self.model.visual, self.config.gradient_checkpointing),
        ):
            for step in steps:
                frames, labels = batch(step)
                micro = BATCH // accumulate
                for start in range(0, BATCH, micro):
                    videos = range(BATCH)[start : start + micro][mine]
                    last = start + micro == BATCH
                    with nullcontext() if last else self.fabric.no_backward_sync(self.objective):
                        depth.draw(0, 0, videos, FRAMES)
                        loss, _ = self.objective(frames[list(videos)], labels[list(videos)])
                        self.fabric.backward(loss / len(videos) / accumulate)
                norms.append(float(clip_gradients(self.fabric, self.optimizer, self.config.grad_clip)))
                self.optimizer.step()
                self.optimizer.zero_grad()
        return norms

    def state(self) -> dict:
        return full_state(self.fabric, self.model, self.optimizer)

    def load(self, state: dict) -> "Run":
        load_full_state(self.fabric, state, self.model, self.optimizer)
        return self


def process(rank: int, world: int, port: int, folder: str) -> None:
    """What each of torchrun's processes does."""
    torch.set_num_threads(1)
    names = {"RANK": rank, "LOCAL_RANK": rank, "GROUP_RANK": 0, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}
    names |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "test"}
    os.environ.update({name: str(value) for name, value in names.items()} | {"CUDA_VISIBLE_DEVICES": ""})
    found = {}
    for strategy in ("ddp", "fsdp"):
        run = Run(strategy)
        if strategy == "fsdp":
            sharded = sum(hasattr(parameter, "full_tensor") for parameter in run.model.parameters())
            assert sharded > 50, "nothing is in shards"
        first = run.train(range(1))
        middle = copy.deepcopy(run.state())  # it holds the model's own tensors
        norms = first + run.train(range(1, STEPS))
        embeddings = run.model.eval().encode_video(batch(0)[0]).detach()
        resumed = Run(strategy).load(torch.load(f"{folder}/middle.pt"))
        found[strategy] = {"norms": norms, "middle": middle, "embeddings": embeddings, "end": run.state()}
        found[strategy]["resumed_norms"] = resumed.train(range(1, STEPS))
        found[strategy]["resumed"] = resumed.state()
        checkpointed = Run(strategy, replace(CONFIG, gradient_checkpointing=True))
        found[strategy]["recomputed_norms"] = checkpointed.train(range(STEPS), accumulate=2)
    if rank == 0:
        torch.save(found, f"{folder}/found.pt")
    else:
        assert middle == {}
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def alone():
    """One process: the norms of three steps, the state after the first and the last, and the embeddings at the end."""
    run = Run()
    norms, middle = run.train(range(1)), copy.deepcopy(run.state())
    norms += run.train(range(1, STEPS))
    embeddings = run.model.eval().encode_video(batch(0)[0]).detach()
    return {"norms": norms, "middle": middle, "embeddings": embeddings, "end": run.state()}


@pytest.fixture(scope="module")
def together(alone, tmp_path_factory):
    """The same by two processes, each with every second video, for each strategy."""
    folder = tmp_path_factory.mktemp("processes")
    torch.save(alone["middle"], folder / "middle.pt")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(process, (2, port, str(folder)), nprocs=2)
    return torch.load(folder / "found.pt")


def close(found, expected) -> bool:
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[key], expected[key]) for key in expected)
    return torch.allclose(found, expected, atol=1e-5, rtol=1e-4)


def test_training_moves_everything(alone):
    start = build().state_dict()
    moved = [name for name, tensor in alone["end"]["model"].items() if not torch.equal(tensor, start[name])]
    assert set(moved) == {name for name, parameter in build().named_parameters() if parameter.requires_grad}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_train_as_one(alone, together, strategy):
    found = together[strategy]
    assert found["norms"] == pytest.approx(alone["norms"], rel=1e-4)
    assert min(alone["norms"]) > CONFIG.grad_clip, "nothing was clipped"
    for part in ("middle", "end", "embeddings"):
        assert close(found[part], alone[part]), part


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_state_of_one_process_is_resumed_by_two(alone, together, strategy):
    assert together[strategy]["resumed_norms"] == pytest.approx(alone["norms"][1:], rel=1e-4)
    assert close(together[strategy]["resumed"], alone["end"])


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_state_of_two_processes_is_resumed_by_one(alone, together, strategy):
    run = Run().load(together[strategy]["middle"])
    run.train(range(1, STEPS))
    assert close(run.state(), alone["end"])


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_micro_batches_and_recomputation_change_nothing(alone, together, strategy):
    assert together[strategy]["recomputed_norms"] == pytest.approx(alone["norms"], rel=1e-4)


def test_a_resumed_run_is_bit_identical(alone):
    run = Run().load(alone["middle"])
    run.train(range(1, STEPS))
    for name, tensor in run.state()["model"].items():
        assert torch.equal(tensor, alone["end"]["model"][name]), name


@pytest.fixture
def sixteen_bits():
    """A run in fp16 with a gradient scaler, as on CUDA."""
    run = Run(config=replace(CONFIG, precision="16-mixed"))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=2)
    run.fabric.strategy.precision = MixedPrecision("16-mixed", "cpu", scaler)
    return run, scaler


def test_a_gradient_scaler_is_part_of_the_state(alone, sixteen_bits):
    run, scaler = sixteen_bits
    norms = run.train(range(2))
    assert norms == pytest.approx(alone["norms"][:2], rel=0.05)  # of what the scaler has undone
    state = copy.deepcopy(run.state())
    assert state["scaler"]["scale"] == 2.0**11
    scaler.load_state_dict(scaler.state_dict() | {"scale": 1.0})
    run.load(state)
    assert scaler.get_scale() == 2.0**11


def test_a_step_whose_gradients_overflow_is_skipped(sixteen_bits):
    run, scaler = sixteen_bits
    run.train(range(1))
    before = copy.deepcopy(run.state())
    scaler.load_state_dict(scaler.state_dict() | {"scale": 2.0**40})
    [norm] = run.train(range(1, 2))
    assert not math.isfinite(norm)
    assert close(run.state()["model"], before["model"])
    assert scaler.get_scale() == 2.0**39


def test_the_optimiser_is_fused_unless_a_scaler_would_clip_scaled_gradients():
    for precision, grad_clip, fused in (("32-true", 1.0, True), ("16-mixed", None, True), ("16-mixed", 1.0, None)):
        config = replace(CONFIG, precision=precision, grad_clip=grad_clip)
        optimizer = make_optimizer(parameter_groups(build(), config), config)
        assert optimizer.defaults["fused"] is fused
        assert optimizer.defaults["betas"] == config.betas
        assert [group["peak_lr"] for group in optimizer.param_groups] == [pytest.approx(1e-3), pytest.approx(1e-2)]


def test_a_state_without_moments_leaves_the_optimisers(alone):
    run = Run()
    run.train(range(1))
    moments = copy.deepcopy(run.state()["optimizer"])
    run.load({"model": alone["end"]["model"]})
    assert close(run.state()["model"], alone["end"]["model"])
    assert close(run.state()["optimizer"], moments)
    assert full_state(run.fabric, run.model).keys() == {"model"}


def test_a_state_of_another_model_is_refused(alone):
    wrong = copy.deepcopy(alone["end"])
    wrong["model"]["visual.proj"] = torch.zeros(2, 2)
    with pytest.raises(RuntimeError, match=r"visual\.proj"):
        Run().load(wrong)
    del wrong["model"]["visual.proj"]
    with pytest.raises(RuntimeError, match=r"Missing key.*visual\.proj"):
        Run().load(wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "zero"}, "unknown strategy 'zero'; choose from: auto, ddp, fsdp"),
        ({"precision": "8-bit"}, "unknown precision '8-bit'; choose from: auto, 32-true"),
    ],
)
def test_impossible_fabrics(options, message):
    with pytest.raises(ValueError, match=message):
        make_fabric(**options)


def test_shards_do_not_go_with_a_scaler(monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "test"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="'16-mixed' does not go with strategy 'fsdp'; choose 'bf16-mixed'"):
        make_fabric(precision="16-mixed", strategy="fsdp")


def test_a_compiler_that_fails_says_why(monkeypatch):
    run = Run()
    frames, labels = batch(0)
    example = {"frames": frames, "labels": labels}

    def broken(module):
        def call(**inputs):
            raise RuntimeError("no C++ compiler found\nin any folder")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    assert compiled(run.fabric, run.objective, example) == (run.objective, "RuntimeError: no C++ compiler found")


def test_trying_to_compile_leaves_no_gradients(monkeypatch):
    run = Run()
    frames, labels = batch(0)
    monkeypatch.setattr(torch, "compile", lambda module: module)
    candidate, reason = compiled(run.fabric, run.objective, {"frames": frames, "labels": labels})
    assert (candidate, reason) == (run.objective, "")
    assert all(parameter.grad is None for parameter in run.model.parameters())


class Small(nn.Module):
    """An objective of one layer."""

    def __init__(self):
        super().__init__()
        self.layer = use_fast_kernels(nn.Sequential(nn.Linear(8, 8), open_clip.transformer.QuickGELU()))

    def forward(self, frames: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.layer(frames)
        return nn.functional.cross_entropy(logits, labels, reduction="sum"), logits.argmax(-1) == labels


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_fast_kernels_can_be_compiled(monkeypatch):
    monkeypatch.setattr(kernels, "SMALLEST", 0)
    objective, inputs = Small(), {"frames": torch.randn(4, 8), "labels": torch.arange(4)}
    objective(**inputs)[0].backward()
    expected = [parameter.grad.clone() for parameter in objective.parameters()]
    candidate, reason = compiled(make_fabric(), objective, inputs)
    assert reason == ""
    assert candidate is not objective
    candidate(**inputs)[0].backward()
    for parameter, gradient in zip(objective.parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-5)


def test_it_is_compiled_in_mixed_precision_too(monkeypatch):
    fabric = make_fabric(precision="bf16-mixed")
    objective = fabric.setup_module(ClassifierObjective(build()))
    frames, labels = batch(0)
    monkeypatch.setattr(torch, "compile", lambda module: module)
    assert compiled(fabric, objective, {"frames": frames, "labels": labels}) == (objective, "")
