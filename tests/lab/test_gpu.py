"""Every part of the GPU check, rehearsed on the CPU; and each says so where what it checks is broken."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import median

import pytest
import torch
from conftest import ROOT
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from torch.utils.flop_counter import FlopCounterMode

from text4vis_core.model import temporal
from text4vis_core.training import hardware
from text4vis_lab.bench import __main__ as bench
from text4vis_lab.bench import encoders, profiles, steps
from text4vis_lab.bench.baselines import MINIATURE, plain_open_clip
from text4vis_lab.bench.compare import NOTEBOOK, compare, differences, read_bench
from text4vis_lab.bench.measurement import Quantity
from text4vis_lab.book.on_gpu import UNKNOWN, on_gpu
from text4vis_lab.gpu import PARTS, Check, __main__, fast, right, running, training
from text4vis_lab.gpu.running import run_part, run_parts
from text4vis_lab.records import RECORDS
from text4vis_lab.suites import SuiteError


@pytest.fixture(scope="module", autouse=True)
def on_the_cpu():
    """Where there is a GPU too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        patch.setenv("OMP_NUM_THREADS", "1")  # of what parts start, as of this process
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


def less_precise(precision: str):
    return hardware.make_fabric(precision="bf16-mixed")


def another(embed):
    return lambda check: embed(check) * (1 + 1e-6)


def without_rate(model, config):
    return [{"params": list(model.parameters()), "lr": 0.0}]


def waiting(call, device):
    return Counter({"loop.py:1": 24 // call.keywords["batch_size"]})


BROKEN = {
    "backbones": (encoders, "make_fabric", less_precise, "float32 against the CPU"),
    "reference": (temporal, "shift", lambda clips, fold: clips, "tokenshift"),
    "shared": (right, "_embed", another(right._embed), "differ in some bit"),
    "few_shot": (training, "zero_shot_accuracy", lambda *_: {"top1": 0.0}, "from the CPU's"),
    "resume": (hardware, "load_full_state", lambda *_: None, "resumed after kill -9"),
    "scaler": (training, "parameter_groups", without_rate, "moves"),
    "waiting": (profiles, "waits", waiting, "bf16: waits for the device in a step"),
    "b16_f8": (steps, "compiled", lambda fabric, objective, example: (objective, "no g++"), "not compiled, no g++"),
}


@pytest.mark.slow
@pytest.mark.parametrize("part", BROKEN)
def test_what_is_broken_is_found(part, tmp_path, monkeypatch):
    module, name, broken, says = BROKEN[part]
    monkeypatch.setattr(right, "CASES", [("ViT-B/32", "mean")])
    monkeypatch.setattr(fast, "MODELS", {"b16_f8": (fast.B16, (fast.AS_IS, fast.WHOLE))})
    monkeypatch.setattr(module, name, broken)
    assert says in missed(part, tmp_path)


def told(step: float, published: float):
    """What a step is said to take, in seconds, in each way; and that it has 0.4 of the data sheet's rate."""

    def quantities(about, shape, way, device, repeats):
        yield Quantity(f"{about}: step of {shape.videos} videos", [published if way is fast.PUBLISHED else step], "s")
        yield Quantity(f"{about}: utilisation, of 989.4 TFLOP/s", [0.4], "", "more")

    return quantities


@pytest.mark.parametrize("part", fast.MODELS)
def test_a_step_that_is_slower_than_the_published_one_misses_its_limit(part, tmp_path, monkeypatch):
    monkeypatch.setattr(fast, "evaluation_quantities", lambda *_: ())
    monkeypatch.setattr(fast, "step_quantities", told(2.0, 1.0))
    missed = [q.name for q in fast.model(Check("cuda", False, tmp_path, part)) if q.met is False]
    first = fast.MODELS[part][1][0].name
    assert missed[0] == f"{part}, published code: step / {first}"
    compiled = [f"{part}, blocks compiled: utilisation, of 989.4 TFLOP/s"] if part == "l14_f8" else []
    assert missed[1:] == compiled
    monkeypatch.setattr(fast, "step_quantities", told(1.0, 2.0))
    assert [q.name for q in fast.model(Check("cuda", False, tmp_path, part)) if q.met is False] == compiled


def test_gaps_in_a_training_from_copies_miss_their_limit(tmp_path, monkeypatch):
    shape = fast.TINY
    monkeypatch.setattr(fast, "film_and_copy", film_and_copy)
    monkeypatch.setattr(fast, "loading_rate", lambda *_: 1.0)
    monkeypatch.setattr(fast, "LOADED", [("a", shape, "copies", 2), ("b", shape, "files", 2)])
    monkeypatch.setattr(profiles, "second_half", lambda train, device: (1.0, 0.2))
    found = list(fast.loading(Check("cpu", False, tmp_path, "loading")))
    assert [q.name for q in found if q.met is False] == ["a from copies: share of the time in gaps"]


def film_and_copy(folder, frames, seed):
    return folder / f"{seed}.mp4", folder / f"{seed}-copy.mp4"


def test_a_slow_device_has_low_ceilings(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "step_seconds", lambda job, device, repeats: [0.02] * repeats)
    rates = [q for q in fast.ceilings(Check("cpu", True, tmp_path)) if "matrices" in q.name]
    assert [q.value for q in rates] == pytest.approx([2 * 256**3 / 0.02 / 1e12] * 2)


@pytest.mark.slow
def test_a_trace_shows_that_a_step_waits(tmp_path, monkeypatch):
    def step():
        torch.ones(64, 64).exp_()
        sum(range(10**6))  # nothing that a device does

    monkeypatch.setattr(fast, "step_of", lambda *_: (step, ""))
    [gaps] = [q for q in fast.trace(Check("cpu", True, tmp_path / "work", "trace")) if "gaps" in q.name]
    assert gaps.value > 0.9
    assert (tmp_path / "trace.json.gz").stat().st_size > 0


@pytest.mark.slow
def test_the_bundle_and_what_pytorch_brings_suffice(tmp_path):
    """No other package can be imported, in the processes of parts either."""
    [bundle] = re.findall(r"^BUNDLE = ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    (tmp_path / "sitecustomize.py").write_text(ALONE)
    given = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "BUNDLE": bundle.replace("\\\n", " ")}
    command = [sys.executable, "-m", "text4vis_lab.gpu", "--device", "cpu", "--tiny", "--out", str(tmp_path / "gpu")]
    run = subprocess.run(
        [*command, "scaler", "loading"], env=os.environ | given, cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert read_bench(tmp_path / "gpu")["metrics"]["parts"] == ["scaler", "loading"]


ALONE = """
import os, re, sys
from importlib import metadata
from importlib.machinery import PathFinder

def named(text):
    return re.split(r"[^\\w.-]", text)[0].lower().replace("_", "-")

def closure(name, found):
    if name not in found:
        found.add(name)
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            return found
        for need in needs:
            if "extra ==" not in need:
                closure(named(need), found)
    return found

allowed = closure("torch", {"text4vis-lab", *os.environ["BUNDLE"].split()}) | closure("torchvision", set())
owners = metadata.packages_distributions()

class Alone(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        owned = {named(owner) for owner in owners.get(name.split(".")[0], ())}
        return super().find_spec(name, path, target) if not owned or owned & allowed else None

sys.meta_path[sys.meta_path.index(PathFinder)] = Alone
"""


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


def test_a_limit_that_is_missed_is_told(tmp_path, monkeypatch, capsys):
    row = Quantity("one", [2.0], "s", limit=1.0).record()
    monkeypatch.setattr(running, "_in_process", lambda *_: ({"one": row}, "", 1.0))
    assert not run_parts(Check("cpu", True, tmp_path), ["trace"])
    assert "1 quantities in 1 s, 1 limits not kept\n  one: 2 s, limit 1\n" in capsys.readouterr().out


def scaled(precision: str):
    """As on a GPU, where fp16 has a scaler."""
    plugin = MixedPrecision("16-mixed", "cpu", scaler=torch.amp.GradScaler("cpu"))
    return Fabric(accelerator="cpu", devices=1, plugins=[plugin])


@pytest.mark.slow
def test_a_scaler_that_does_not_skip_an_overflow_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "make_fabric", scaled)
    found = quantities("scaler", tmp_path)
    assert len(found) == 6
    assert [q.name for q in found if q.met is False] == []
    monkeypatch.setattr(torch.amp.GradScaler, "_maybe_opt_step", lambda self, optimizer, *_: optimizer.step())
    assert "movement by a step that overflows" in missed("scaler", tmp_path)


def test_records_of_gpus_are_compared(tmp_path, monkeypatch, capsys):
    kept = ROOT / "data" / "records" / "gpu" / "h100.json"
    slower = json.loads(kept.read_text())
    row = slower["timings"]["quantities"]["l14_f8, as it is: step of 16 videos"]
    row["values"] = [2 * value for value in row["values"]]
    RECORDS.write(tmp_path / "result.json", slower)
    monkeypatch.setattr(sys, "argv", ["bench", "compare", str(kept), str(tmp_path)])
    bench.main()
    said = capsys.readouterr().out
    assert re.search(r"l14_f8, as it is: step of 16 videos +0.188 s +0.375 s +2\.0\d\d .* worse", said)
    assert re.search(r"Of \d+ quantities, 0 became better and 1 worse by more than 5 %", said)


def test_a_record_of_a_gpu_is_not_compared_with_one_of_the_bench(tmp_path, monkeypatch):
    kept = ROOT / "data" / "records" / "gpu" / "h100.json"
    of_bench = json.loads(kept.read_text()) | {"notebook": NOTEBOOK}
    of_bench["timings"]["quantities"], of_bench["metrics"]["parts"] = {}, ["model"]
    RECORDS.write(tmp_path / "result.json", of_bench)
    monkeypatch.setattr(sys, "argv", ["bench", "compare", str(tmp_path), str(kept)])
    said = "error: no quantity is in both: the first is of 13_bench (model), the second of gpu (backbones, reference"
    with pytest.raises(SystemExit, match=re.escape(said)):
        bench.main()


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
    files = Path(running.__file__).parent.glob("*.py")
    assert sum(len(path.read_text().splitlines()) for path in files) <= 500


def test_the_page_says_what_is_known(tmp_path):
    assert on_gpu(tmp_path) == UNKNOWN
    folder = tmp_path / "data/records/gpu"
    folder.mkdir(parents=True)
    kept = ROOT / "data/records/gpu/h100.json"
    (folder / "kept.json").write_bytes(kept.read_bytes())
    page = on_gpu(tmp_path).replace("\\", "")  # as a reader sees it
    assert page.startswith("## NVIDIA H100 80GB HBM3: kept")
    assert "Parts that ended well: backbones, reference, scaler, ceilings," in page
    assert "- shared: status 1: text4vis_core" in page
    assert "| b32_f8, as it is | 0.0633 | 1 | 1,012 (" in page
    assert "| l14_f8, blocks compiled | 0.13 | 0.695 | 123 (122 to 123) | 477 | 0.482 | 21.8 |" in page
    assert "| fp16, clipped: movement by a step that overflows | 0 | at most 0 |" in page
    assert "| copies, read and written | 3,022 GB/s |  |" in page
    assert "Of 127 limits 126 were kept. Missed:" in page
    films = ROOT / "data/records/gpu/h100_films.json"
    (folder / "films.json").write_bytes(films.read_bytes())
    page = on_gpu(tmp_path).replace("\\", "")
    assert "| L/14 from copies: share of the time in gaps | 0.0576 | at most 0.05 |" in page
    (folder / "films.json").unlink()
    record = json.loads(kept.read_text())
    record["metrics"]["failed"] = {"{download}`x`": "<b>", "a": "b"}
    record["provenance"]["finished"] = "{raw}`x`"
    RECORDS.write(folder / "kept.json", record)
    page = on_gpu(tmp_path)
    assert "<b>" not in page and "{download}" not in page and "{raw}`" not in page


def test_a_record_of_a_rehearsal_is_not_shown(tmp_path):
    folder = tmp_path / "runs/gpu/gpu"
    folder.mkdir(parents=True)
    record = json.loads((ROOT / "data/records/gpu/h100.json").read_text())
    record["timings"]["machine"]["gpu"] = None
    RECORDS.write(folder / "result.json", record)
    assert on_gpu(tmp_path) == UNKNOWN


@pytest.mark.parametrize("content", ["{", "[]", '{"notebook": "gpu"}', '{"notebook": "gpu", "timings": {}}'])
def test_a_damaged_record_is_an_error_of_the_book(content, tmp_path):
    path = tmp_path / "runs" / "gpu" / "gpu" / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    said = r"gpu/result\.json .*[;:] (delete it and )?run .*; for the book it may be deleted as well"
    with pytest.raises(SuiteError, match=said):
        on_gpu(tmp_path)


def test_what_other_pages_say_of_a_gpu_is_what_the_kept_records_hold():
    howto = ROOT / "book" / "howto"
    rows = read_bench(ROOT / "data" / "records" / "gpu" / "h100.json")["timings"]["quantities"]
    found = {name: median(row["values"]) for name, row in rows.items()}
    models = {"B/16": "b16_f8, as it is", "L/14": "l14_f8, as it is", "L/14-336": "l14_336_f32, blocks computed again"}
    rates = [f"{found[f'{name}: model operations']:.0f}" for name in models.values()]
    videos = [f"{found[f'{name}: videos']:.3g}" for name in models.values()]
    said = (howto / "paper_scale.md").read_text().replace("\n  ", " ").replace("\n", " ")
    assert f"at {rates[0]}, {rates[1]} and {rates[2]} TFLOP/s" in said
    assert f"{videos[0]}, {videos[1]} and {videos[2]} videos a second" in said
    films = read_bench(ROOT / "data" / "records" / "gpu" / "h100_films.json")["timings"]["quantities"]
    files, copies = (median(films[f"{of}: training samples by 16 workers"]["values"]) for of in ("files", "copies"))
    assert f"Sixteen workers gave {files:.0f} training samples a second from files and {copies:,.0f} from" in said
    assert found["b32_f8, as it is: videos"] > files < found["b16_f8, as it is: videos"] < copies
    compiled = found["b16_f8, compiled: step / as it is"]
    seconds = found["b16_f8, compiled: until the first step is launched"]
    compiling = f"it took {seconds:.0f} s for ViT-B/16, whose step then took {compiled:.2f} of the time"
    assert compiling in (howto / "gpu_machine.md").read_text().replace("\n  ", " ")
