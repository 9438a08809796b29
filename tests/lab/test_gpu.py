"""Every part of the GPU check, rehearsed on the CPU; and each says so where what it checks is broken."""

import json
import sys
from collections import Counter

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from text4vis_core.model import temporal
from text4vis_lab.bench import encoders, profiles, steps
from text4vis_lab.bench.baselines import MINIATURE, plain_open_clip
from text4vis_lab.bench.compare import compare, differences, read_bench
from text4vis_lab.bench.measurement import Quantity
from text4vis_lab.gpu import PARTS, Check, __main__, right, running, training
from text4vis_lab.gpu.running import run_part, run_parts

CPU = {"device": "cpu", "tiny": True}


@pytest.fixture(scope="module", autouse=True)
def on_the_cpu():
    """Where there is a GPU too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        yield


def quantities(part: str, folder) -> list[Quantity]:
    run_part(Check("cpu", True, folder, part), folder / "part.json")
    return [Quantity.from_record(name, row) for name, row in json.loads((folder / "part.json").read_text()).items()]


def missed(part: str, folder) -> str:
    return "\n".join(quantity.name for quantity in quantities(part, folder) if quantity.met is False)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_rehearsed(part, tmp_path):
    found = quantities(part, tmp_path)
    # On a busy machine the training may come to its end before it is killed.
    assert [q.name for q in found if q.met is False and not q.name.startswith("kill -9")] == []
    assert len(found) >= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", ["backbones", "reference", "shared", "few_shot", "resume", "scaler", "waiting", "b16_f8"]
)
def test_what_is_broken_is_found(part, tmp_path, monkeypatch):
    made, embedded, trained = encoders.make_fabric, right._embed, training.train_few
    breaks = {
        "backbones": lambda: monkeypatch.setattr(
            encoders, "make_fabric", lambda precision: made(precision="bf16-mixed")
        ),
        "reference": lambda: monkeypatch.setattr(temporal, "shift", lambda clips, fold: clips),
        "shared": lambda: monkeypatch.setattr(right, "_embed", lambda check: embedded(check) * (1 + 1e-6)),
        "few_shot": lambda: monkeypatch.setattr(training, "zero_shot_accuracy", lambda *_: {"top1": 0.0}),
        "resume": lambda: monkeypatch.setattr(
            training, "train_few", lambda *where, **how: trained(*where, **how | {"seed": int(where[2] == "killed")})
        ),
        "scaler": lambda: (
            monkeypatch.setattr(training, "USUAL", 0.0)
            or monkeypatch.setattr(training, "clip_gradients", lambda *_: None)
            or monkeypatch.setattr(
                training, "parameter_groups", lambda model, config: [{"params": model.parameters(), "lr": 0.0}]
            )
        ),
        "waiting": lambda: monkeypatch.setattr(
            profiles, "waits", lambda call, device: Counter({"a.py:1": call.keywords["batch_size"] == 4})
        ),
        "b16_f8": lambda: monkeypatch.setattr(
            steps, "compiled", lambda fabric, objective, example: (objective, "no compiler")
        ),
    }
    if part == "backbones":
        monkeypatch.setattr(right, "CASES", [("ViT-B/32", "mean")])
    breaks[part]()
    says = {
        "backbones": "float32 against the CPU",
        "reference": "tokenshift",
        "shared": "differ in some bit",
        "few_shot": "from the CPU's",
        "resume": "resumed after kill -9",
        "scaler": "moves",
        "waiting": "waits for the device",
        "b16_f8": "not compiled, no compiler",
    }
    assert says[part] in missed(part, tmp_path)


@pytest.mark.slow
def test_parts_do_not_hinder_one_another(tmp_path, monkeypatch, capsys):
    (tmp_path / "trace.json.gz").mkdir()  # where the trace is to be written
    monkeypatch.setitem(running.PARTS, "reference", PARTS["reference"]._replace(seconds=0))
    assert not run_parts(Check("cpu", True, tmp_path), ["reference", "trace", "ceilings"])
    record = read_bench(tmp_path)
    assert record["metrics"]["parts"] == ["reference", "trace", "ceilings"]
    assert list(record["metrics"]["failed"]) == ["reference", "trace"]
    assert "longer than 0 s" in record["metrics"]["failed"]["reference"]
    assert "status 1" in record["metrics"]["failed"]["trace"]
    assert "256 x 256 matrices, bf16" in record["timings"]["quantities"]
    assert "failed: it took longer than 0 s" in capsys.readouterr().out
    assert differences(record, record) == []
    assert len(compare(record, record)) == len(record["timings"]["quantities"])


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu"])
    __main__.main()
    assert capsys.readouterr().out.startswith("There is no GPU that PyTorch sees")


def test_an_unknown_part_is_an_error(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu", "speed"])
    with pytest.raises(SystemExit):
        __main__.main()
    assert "unknown part 'speed'; choose from: backbones" in capsys.readouterr().err


def test_operations_are_those_that_torch_counts():
    plain, (frames, _) = plain_open_clip(MINIATURE), MINIATURE.batch()
    with FlopCounterMode(display=False) as counter:  # on the CPU it leaves out the products within attention
        plain(frames.float())
    tokens = (MINIATURE.size // MINIATURE.patch) ** 2 + 1
    attention = MINIATURE.frames * MINIATURE.layers * 4 * tokens**2 * MINIATURE.width
    attention += MINIATURE.head_layers * 4 * MINIATURE.frames**2 * MINIATURE.dim
    assert MINIATURE.videos * (MINIATURE.operations() - attention) == counter.get_total_flops()


def test_gaps_are_counted_once_and_only_long_ones():
    spans = [(0.0, 100.0), (50.0, 200.0), (210.0, 300.0), (500.0, 1000.0)]
    assert profiles.idle_share(spans) == pytest.approx(0.2)
    assert profiles.idle_share(spans, 5.0) == pytest.approx(0.21)


def test_the_room_is_small():
    files = list((__main__.Path(running.__file__).parent).glob("*.py"))
    assert sum(len(path.read_text().splitlines()) for path in files) <= 500
