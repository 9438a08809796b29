"""The bench: repetitions and their intervals, the yardsticks, what is measured, and two records side by side."""

import json
import subprocess
import sys
from importlib.util import find_spec

import av
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from text4vis_core.data import Views
from text4vis_core.data.datasets import VideoDataset
from text4vis_core.data.video import open_video
from text4vis_lab import timing
from text4vis_lab.bench import (
    PARTS,
    Bench,
    Sizes,
    clips,
    compare,
    copies,
    figures,
    fresh,
    loading,
    machine,
    model,
    parallel,
)
from text4vis_lab.bench.measurement import Quantity
from text4vis_lab.lists import repeated
from text4vis_lab.notebooks import notebook_defaults
from text4vis_lab.records import RECORDS, RunRecord
from text4vis_lab.suites import read_suite

VALUES = st.lists(st.floats(0.01, 100), min_size=2, max_size=12)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Two small videos with a key frame every twelve frames."""
    return clips.write_videos(tmp_path_factory.mktemp("yardstick"), 2, (48, 64), 30)


class TestQuantity:
    @pytest.mark.parametrize(
        ("better", "limit", "met"),
        [("less", 2.0, True), ("less", 1.9, False), ("more", 2.0, True), ("more", 2.1, False)],
    )
    def test_its_median_keeps_the_limit_or_not(self, better, limit, met):
        assert Quantity("x", [9, 1, 2], better=better, limit=limit).met is met

    def test_without_a_limit_nothing_is_kept(self):
        assert Quantity("x", [1.0]).met is None
        assert Quantity("x", [1.0]).row() == {
            "quantity": "x",
            "median": "1",
            "95 % interval": "",
            "limit": "",
            "met": "",
        }

    @given(VALUES)
    def test_the_interval_holds_the_median_and_is_the_same_every_time(self, values):
        quantity = Quantity("x", values)
        low, high = quantity.interval
        assert min(values) <= low <= quantity.value <= high <= max(values)
        assert quantity.interval == (low, high)

    def test_the_interval_is_about_as_wide_as_it_should_be(self):
        # The median of n normal values has a standard error of about 1.2533 / sqrt(n).
        values = np.random.default_rng(0).normal(10, 1, 400)
        low, high = Quantity("x", values).interval
        assert (high - low) / 2 == pytest.approx(1.96 * 1.2533 / 20, rel=0.3)

    def test_a_record_of_it_is_it(self):
        quantity = Quantity("x", [1.5, 2.5], "ms", "more", 3.0)
        assert Quantity.from_record("x", json.loads(json.dumps(quantity.record()))) == quantity

    def test_is_refused_without_values_or_direction(self):
        with pytest.raises(ValueError, match="x: no repetition was measured"):
            Quantity("x", [])
        with pytest.raises(ValueError, match="x: better is 'bigger'; choose from: less, more"):
            Quantity("x", [1.0], better="bigger")


def test_jobs_take_turns_and_their_seconds_are_means_over_items(monkeypatch):
    now, calls = 0.0, []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now)

    def job(name, seconds):
        def run(repetition, item):
            nonlocal now
            calls.append((repetition, item, name))
            now += seconds * (item + 1) * (10 if repetition == 0 else repetition)

        return run

    seconds = timing.in_turn({"a": job("a", 1.0), "b": job("b", 2.0)}, items=3, repeats=2)
    assert seconds == {"a": [2.0, 4.0], "b": [4.0, 8.0]}  # the tenfold first repetition does not count
    assert [call[:2] for call in calls] == [(r, i) for r in range(3) for i in range(3) for _ in "ab"]
    assert all({one[2], two[2]} == {"a", "b"} for one, two in zip(calls[::2], calls[1::2], strict=True))
    assert len({one[2] for one in calls[::2]}) == 2  # neither is always the first


def test_torch_has_its_threads_back_afterwards():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), timing.torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before


class TestClips:
    def test_are_the_same_every_time_and_different_from_each_other(self, videos, tmp_path):
        again = clips.write_videos(tmp_path, 2, (48, 64), 30)
        contents = [[video.path.read_bytes() for video in these.videos] for these in (videos, again)]
        assert contents[0] == contents[1]
        assert contents[0][0] != contents[0][1]

    def test_have_the_key_frames_and_the_rate_of_the_yardstick(self, videos):
        with av.open(str(videos.videos[0].path)) as container:
            stream = container.streams.video[0]
            keys = [i for i, frame in enumerate(container.decode(stream)) if frame.key_frame]
            assert (stream.codec_context.name, float(stream.average_rate), keys) == ("h264", 25.0, [0, 12, 24])

    def test_move_and_have_detail(self):
        first, *_, last = (frame.astype(float) for frame in clips.draw_frames(0, (48, 64), 30))
        assert np.abs(first - last).mean() > 3 * clips.NOISE
        assert first.std() > 20

    def test_what_is_there_is_kept(self, videos, tmp_path):
        path = tmp_path / "0.mp4"
        path.write_bytes(b"mine")
        clips.write_videos(tmp_path, 1)
        assert path.read_bytes() == b"mine"

    def test_are_dealt_out_to_classes(self, videos):
        dealt = clips.in_classes(repeated(videos, 5), 3)
        assert dealt.labels.tolist() == [0, 1, 2, 0, 1]
        assert len(dealt.classes) == 3


class TestThePublishedWay:
    def test_sees_what_this_project_sees(self, videos):
        theirs = loading.published_evaluation_sample(videos.videos[0].path, 4, 32, 40).view(4, 3, 32, 32)
        ours = VideoDataset(videos, 4, 32, Views(resize=40))[0]["frames"][0].float() / 255
        ours = (ours - loading.MEAN.view(3, 1, 1)) / loading.STD.view(3, 1, 1)
        grey_level = 1 / 255 / loading.STD.min()
        assert (ours - theirs).abs().mean() < grey_level

    def test_training_draws_from_its_generator(self, videos):
        path = videos.videos[0].path
        one, same, other = (
            loading.published_training_sample(path, np.random.default_rng(seed), 4, 32, 40) for seed in (0, 0, 1)
        )
        assert one.shape == (12, 32, 32)
        assert torch.equal(one, same)
        assert not torch.equal(one, other)


class TestLoading:
    def test_every_job_is_measured(self, videos):
        seconds = loading.sample_times(videos, repeats=2)
        quantities = {quantity.name: quantity for quantity in loading.sample_quantities(seconds)}
        assert all(len(quantity.values) == 2 and min(quantity.values) > 0 for quantity in quantities.values())
        limits = {name: quantity.limit for name, quantity in quantities.items() if quantity.limit}
        assert limits == {
            "training, light / decoding, training": 1.12,
            "training, published / decoding, training": 1.12,
            "evaluation / decoding, evaluation": 1.12,
            "views / decoding, views": 1.3,
        }
        peer = "this project, 8 frames / torchcodec, 8 frames"
        assert (peer in quantities) == bool(find_spec("torchcodec"))
        for name in (*limits, *({peer} & quantities.keys())):
            above, below = name.split(" / ")
            assert quantities[name].values[0] == pytest.approx(seconds[above][0] / seconds[below][0])

    def test_decoding_alone_reads_the_frames_of_the_sample(self, videos, monkeypatch):
        asked = []
        original = loading.training_indices
        monkeypatch.setattr(loading, "training_indices", lambda *args: asked.append(original(*args)) or asked[-1])
        read = []
        inside = loading.VideoDataset.__getitem__.__globals__["sampling"]
        monkeypatch.setattr(inside, "training_indices", lambda *args: read.append(original(*args[:3])) or read[-1])
        loading.sample_times(videos, repeats=1)
        # Two repetitions, of which one warms up, of two videos: for decoding alone, and by the published way.
        assert len(asked) == 8
        for indices in asked:
            assert sum(np.array_equal(indices, each) for each in read) == 2  # light and published augmentation


class TestWorkers:
    @pytest.mark.parametrize(
        ("most", "numbers"), [(1, [0, 1]), (2, [0, 1, 2]), (6, [0, 1, 2, 4, 6]), (8, [0, 1, 2, 4, 8])]
    )
    def test_numbers(self, most, numbers):
        assert parallel.numbers(most) == numbers

    @pytest.mark.slow
    def test_rates_of_each_number(self, videos):
        loaded, decoded = parallel.worker_rates(videos, [0, 1], samples=8, repeats=1)
        assert (list(loaded), list(decoded)) == ([0, 1], [1])
        assert all(len(rate.values) == 1 and rate.value > 0 for rate in [*loaded.values(), *decoded.values()])

    def test_scaling_is_over_one_worker_and_over_what_the_machine_allows(self):
        loaded = {n: Quantity(f"a{n}", [10.0 * rate], better="more") for n, rate in {0: 1, 1: 1, 2: 1.5, 4: 2}.items()}
        decoded = {n: Quantity(f"b{n}", [20.0 * rate], better="more") for n, rate in {1: 1, 2: 1.6, 4: 2}.items()}
        found = parallel.worker_scaling(loaded, decoded, cores=2)
        assert [quantity.value for quantity in found] == pytest.approx([1.5, 1.6, 1.5 / 1.6, 2, 2, 1])
        assert [quantity.met for quantity in found] == [False, None, True, None, None, None]


class TestMemory:
    def test_growth_is_from_the_second_tenth_to_the_last(self):
        curve = {"samples": list(range(10, 1010, 10)), "megabytes": [1.0] * 10 + [100.0] * 80 + [110.0] * 10}
        share, kept = fresh.memory_growth(curve)
        assert share.value == pytest.approx(1.1)
        assert share.met is False
        assert kept.value == pytest.approx(10 * 2**20 / 800)

    def test_is_watched_while_samples_are_loaded(self, tmp_path):
        curve = fresh.load_many(str(tmp_path), samples=40, num_workers=0)
        assert curve["samples"] == [20, 40]
        assert all(value > 50 for value in curve["megabytes"])  # torch alone takes more


class TestSteps:
    def test_ratios_are_over_this_projects_step(self):
        measured = {"published": [6.0, 7.0], "open_clip": [3.0, 3.0], "ours": [3.0, 2.0], "ours in bf16": [1.5, 1.0]}
        measured |= {"gradient_difference": 2e-4}
        found = {quantity.name: quantity for quantity in model.step_quantities(measured)}
        faster = found["training step, published code / this project"]
        assert (faster.values, faster.limit, faster.met) == ((2.0, 3.5), 2.0, True)
        assert found["training step, plain open_clip / this project"].values == (1.0, 1.5)
        assert found["training step, published code / this project in bf16"].values == (4.0, 7.0)
        assert found["gradients, largest relative difference"].met is False
        limits = [quantity.limit for quantity in model.step_quantities(measured, miniature=True)]
        assert limits == [*[None] * 7, 1e-4]

    @pytest.mark.parametrize(("known", "limit"), [(["avx512_bf16"], 3.0), (["amx_bf16"], 3.0), ([], None)])
    def test_of_bf16_speed_is_asked_where_the_processor_has_it(self, monkeypatch, known, limit):
        capabilities = dict.fromkeys(known, True) | {"avx2": True}
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
        measured: dict = {way: [1.0] for way in model.WAYS} | {"gradient_difference": 0.0}
        found = {quantity.name: quantity for quantity in model.step_quantities(measured)}
        assert found["training step, published code / this project in bf16"].limit == limit
        assert [name for name in known if name in machine.describe()["instructions"]] == known

    def test_inference_is_a_share_of_the_fastest_product(self):
        measured = {
            "products": {"torch.mm, 2 x 2 x 2": [50.0]},
            "achieved": [40.0],
            "achieved in bf16": [60.0],
            "share": [0.75],
            "torch_share": [0.8],
        }
        found = {quantity.name: quantity for quantity in model.inference_quantities(measured)}
        share = found["inference / fastest product"]
        assert (share.value, share.limit, share.met) == (0.75, 0.85, False)
        assert found["product by torch.mm, 2 x 2 x 2"].value == 50
        assert found["inference in bf16 / in float32"].value == 1.5


class TestStarts:
    def test_the_package_is_imported_without_torch(self):
        assert fresh._fresh("importing", "-c", "import sys, text4vis_core; print('torch' in sys.modules)") == "False"
        assert fresh.import_seconds("text4vis_core") > 0

    def test_imports_take_turns_and_the_first_of_each_does_not_count(self, monkeypatch):
        seconds = iter([9.0, 9.0, 0.1, 1.0, 0.2, 2.0])
        monkeypatch.setattr(fresh, "import_seconds", lambda module: next(seconds))
        package, torch_ = fresh.imports(2)
        assert (package.name, package.values, package.met) == ("import text4vis_core", (0.1, 0.2), True)
        assert (torch_.name, torch_.values, torch_.met) == ("import torch", (1.0, 2.0), None)

    def test_two_embeddings_of_one_process(self, clip_name, videos, tmp_path):
        fresh.save_random_weights(clip_name, tmp_path / "weights.safetensors")
        cold, warm = fresh.embed_twice(clip_name, str(tmp_path / "weights.safetensors"), videos.videos[0].path, 0.0)
        assert cold > warm > 0

    @pytest.mark.slow
    def test_what_fails_in_a_fresh_interpreter_is_said(self, tmp_path):
        with pytest.raises(RuntimeError, match=r"ended with status 1: .*there is no record nowhere"):
            fresh.call_fresh("compare", "read_bench", "nowhere")


@pytest.mark.slow
def test_processes_agree(clip_folder, videos, tmp_path):
    train = clips.in_classes(repeated(videos, 5), 3)
    rates, agreement = parallel.process_rates(train, [1, 2], tmp_path, repeats=1, model=str(clip_folder))
    assert {task: list(of_task) for task, of_task in rates.items()} == {"evaluation": [1, 2], "training": [1, 2]}
    assert [quantity.met for quantity in agreement] == [True, True]
    assert [quantity.name for quantity in parallel.process_scaling(rates)] == [
        "evaluation, 2 processes / 1",
        "training, 2 processes / 1",
    ]


class TestCopies:
    def test_are_compared_with_their_originals(self, videos, tmp_path):
        measured = copies.copy_quantities(videos, tmp_path, repeats=1, num_workers=0)
        found = {quantity.name: quantity for quantity in measured}
        for task in ("training", "evaluation"):
            gain = found[f"{task}, copy / original"]
            rates = [found[f"{task}, {which}, one thread"].value for which in ("copy", "original")]
            assert gain.value == pytest.approx(rates[0] / rates[1])
            assert gain.limit == 4
        size = found["size, copy / original"]
        after, before = (
            sum(path.stat().st_size for path in folder.rglob("*.mp4"))
            for folder in (tmp_path / "copy", videos.videos[0].path.parent)
        )
        assert (size.value, size.limit) == (pytest.approx(after / before), 2)
        for other in ("copy, gop 4, crf 23", "pictures"):
            assert found[f"training, {other} / original"].limit is None
            assert found[f"size, {other} / original"].value > 0
        table = copies.by_form(measured)
        assert list(table.index)[:2] == ["original", "copy, gop 1, crf 26"]
        assert list(table.index)[2:] == [
            "copy, gop 2, crf 26",
            "copy, gop 4, crf 23",
            "copy, gop 12, crf 23",
            "pictures",
        ]
        assert table.loc["copy, gop 1, crf 26", "times the bytes"] == size.value
        assert table.loc["original"].notna().sum() == 2

    def test_pictures_are_all_frames_of_a_video(self, videos, tmp_path):
        pictures, written = copies.as_pictures(videos, tmp_path)
        for picture_folder, video in zip(pictures.videos, videos.videos, strict=True):
            assert len(open_video(picture_folder.path)) == len(open_video(video.path))
        assert written == sum(path.stat().st_size for path in tmp_path.rglob("*.jpg"))

    @pytest.mark.slow
    def test_an_index_of_many_videos_is_opened(self, tmp_path):
        opening = copies.index_opening(tmp_path, videos=500, repeats=1)
        assert opening.met
        with pytest.raises(RuntimeError, match="500 videos were found in an index of 400"):
            copies.open_index(str(tmp_path), 400)


class TestMachine:
    def test_is_described_by_plain_values(self):
        described = machine.describe()
        assert set(machine.SAME_MACHINE) <= set(described)
        assert json.loads(json.dumps(described)) == described

    def test_rates_are_positive(self):
        assert all(rate.value > 0 and len(rate.values) == 2 for rate in machine.matmul_rates(2, side=64))


def bench_record(folder, quantities, parameters=None, **changed):
    """A record as the notebook writes it."""
    described = {"processor": "P", "system": "Linux", "cores": 2, "memory_gb": 8, "threads": 2, "gpu": None} | changed
    record = RunRecord("13_bench", folder, parameters or {})
    record.metrics = {"parts": ["samples"]}
    record.timings = {"machine": described, "quantities": {q.name: q.record() for q in quantities}}
    record.save()
    return compare.read_bench(folder)


SPREAD = np.array([0.98, 0.99, 1.0, 1.01, 1.02])


class TestCompare:
    def test_a_change_is_pointed_out_when_its_whole_interval_says_so(self, tmp_path):
        first = [
            Quantity("time", SPREAD, "s"),
            Quantity("rate", SPREAD, "videos/s", "more"),
            Quantity("same", SPREAD),
            Quantity("noisy", [1, 2, 3]),
            Quantity("once", [1.0]),
            Quantity("difference", [0.0]),
            Quantity("gone", [1.0]),
        ]
        second = [
            Quantity("time", 0.5 * SPREAD, "s"),
            Quantity("rate", 0.5 * SPREAD, "videos/s", "more"),
            Quantity("same", 1.01 * SPREAD),
            Quantity("noisy", [1.5, 3, 4.5]),
            Quantity("once", [9.0]),
            Quantity("difference", [0.0]),
        ]
        records = [bench_record(tmp_path / name, of) for name, of in (("a", first), ("b", second))]
        rows = {row["quantity"]: row for row in compare.compare(*records)}
        assert {name: row["verdict"] for name, row in rows.items()} == {
            "time": "better",
            "rate": "worse",
            "same": "",
            "noisy": "",
            "once": "",
            "difference": "",
        }
        assert rows["time"]["second / first"] == "0.500"
        assert rows["difference"]["second / first"] == ""
        assert "1 became better and 1 worse by more than 5 %" in compare.verdict(*records)
        worse_by_a_third = compare.compare(records[0], records[1], bound=1.5)
        assert all(row["verdict"] == "" for row in worse_by_a_third)

    def test_a_record_against_itself_has_not_changed(self, tmp_path):
        record = bench_record(tmp_path, [Quantity("time", SPREAD)])
        [row] = compare.compare(record, record)
        assert (row["second / first"], row["verdict"]) == ("1.000", "")

    def test_different_machines_are_shown_and_not_compared(self, tmp_path):
        records = [
            bench_record(tmp_path / name, [Quantity("time", SPREAD)], cores=cores)
            for name, cores in (("a", 2), ("b", 16))
        ]
        text = compare.verdict(*records)
        assert text.startswith("Not comparable: ")
        assert "cores: 2, 16" in text
        assert len(compare.compare(*records)) == 1

    def test_nor_are_different_measurements(self, tmp_path):
        """The bench_record's only part is "samples", which does not depend on `small`."""
        for name, told in (("videos", True), ("small", False)):
            records = [
                bench_record(tmp_path / f"{name}{value}", [Quantity("time", SPREAD)], {name: value}) for value in (1, 6)
            ]
            assert (f"{name}: 1, 6" in compare.verdict(*records)) == told

    def test_what_is_no_record_of_the_bench_is_said(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"there is no record .*nowhere.*; give the folder of a"):
            compare.read_bench(tmp_path / "nowhere")
        bench_record(tmp_path, [Quantity("time", SPREAD, "s")])
        path = tmp_path / "result.json"
        whole, wrong = RECORDS.load(path), {"x": {}}
        for change, message in (
            ({"notebook": "02_zero_shot"}, "is a record of 02_zero_shot; give the folder of a run of 13_bench"),
            ({"timings": {"total_seconds": 1.0, "quantities": wrong}}, "lacks what the bench records"),
            ({"timings": {"total_seconds": 1.0, "quantities": {}}}, "lacks what the bench records .'machine'"),
        ):
            RECORDS.write(path, whole | change)
            with pytest.raises(ValueError, match=message):
                compare.read_bench(path)
        path.write_text("{")
        with pytest.raises(ValueError, match=r"is not a run record .*; delete it and run again, or give the folder"):
            compare.read_bench(path)

    @pytest.mark.slow
    def test_on_the_command_line(self, tmp_path):
        for name, values in (("a", SPREAD), ("b", 2 * SPREAD)):
            bench_record(tmp_path / name, [Quantity("time", values, "s")])
        command = [sys.executable, "-m", "text4vis_lab.bench", "compare", str(tmp_path / "a")]
        done = subprocess.run([*command, str(tmp_path / "b")], capture_output=True, text=True, cwd=ROOT)
        assert "2.000" in done.stdout
        assert "0 became better and 1 worse" in done.stdout
        done = subprocess.run([*command, str(tmp_path / "c")], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 1
        assert done.stderr.startswith("error: there is no record")


class TestFigures:
    kept = Quantity("kept", [1.0, 1.1, 1.2], "ms", limit=2.0)
    missed = Quantity("missed", [4.0, 5.0, 6.0], "ms", "more", limit=10.0)
    once = Quantity("once", [3.0], "ms")
    check = Quantity("check", [0.0], limit=0)

    def test_bars_show_medians(self):
        yardstick = Quantity("decoding, training", [2.0], "ms")
        [ax] = figures.bars([self.kept, yardstick, self.once], title="t", xlabel="ms").axes
        shown = {
            ax.get_yticklabels()[round(bar.get_y() + 0.36)].get_text(): bar.get_width()
            for bar in ax.patches
            if bar.get_width()
        }
        assert shown == {"kept": 1.1, "decoding, training": 2.0, "once": 3.0}
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["this project", "decoding"]
        plt.close("all")

    def test_limits_are_shares(self):
        [ax] = figures.against_limits([self.kept, self.missed, self.once, self.check], title="t").axes
        marks = [line.get_xdata()[0] for line in ax.lines if line.get_marker() in "oX"]
        assert marks == pytest.approx([1.1 / 2, 10 / 5])
        plt.close("all")

    def test_scaling_has_a_proportional_line_through_one(self):
        rates = {0: self.once, 1: Quantity("one", [2.0]), 2: Quantity("two", [3.5])}
        [ax] = figures.scaling({"a": rates}, title="t", xlabel="x", ylabel="y").axes
        assert [2.0, 4.0] in [list(line.get_ydata()) for line in ax.lines]
        plt.close("all")

    def test_memory_shows_its_band(self):
        curve = {"samples": list(range(1, 21)), "megabytes": [100.0] * 20}
        [ax] = figures.memory(curve, fresh.memory_growth(curve)[0], title="t").axes
        assert "1.05 times" in ax.get_legend().get_texts()[0].get_text()
        plt.close("all")

    def test_the_table_has_a_line_for_each(self):
        table = figures.table([self.kept, self.missed])
        assert table["met"].tolist() == ["yes", "no"]
        assert table.loc["missed", "limit"] == "at least 10"


def test_a_part_is_shown_with_its_figures_in_words(tmp_path, monkeypatch):
    names = ("repeats", "long_repeats", "videos", "worker_samples", "memory_samples", "indexed_videos", "scored_videos")
    sizes = Sizes(["samples"], model="", small=True, cores=1, **dict.fromkeys(names, 1))
    found = [Quantity("training", [3.0], "ms"), Quantity("share", [1.5], limit=2)]
    monkeypatch.setattr(loading, "sample_quantities", lambda _: found)
    monkeypatch.setattr(loading, "sample_times", lambda *_: {})
    bench, pictures = Bench(sizes, tmp_path), []
    table = bench.show("samples", lambda *texts: pictures.append(texts[1:]))
    assert pictures == [
        (
            "samples-0",
            "One video, one thread (1 repetitions of 1 videos). Medians with their 95 % intervals.",
            "training: 3 ms.",
        )
    ]
    assert bench.drawn == [] and bench.quantities == found
    assert table.frame["quantity"].tolist() == ["share"]
    assert "memory is not among the parts" in repr(bench.show("memory", None))
    assert [quantity.name for quantity in bench.against_limits()] == ["share", "this bench, all of it"]
    plt.close("all")


def test_the_suite_measures_everything_and_the_notebook_by_default_little():
    [run] = read_suite(ROOT / "experiments" / "bench.yaml").runs
    assert tuple(run.parameters["parts"]) == PARTS
    defaults = notebook_defaults(ROOT / "notebooks" / "13_bench.ipynb")
    assert set(defaults["parts"]) < set(PARTS)
    assert defaults["small"] and not run.parameters["small"]
    for name in ("repeats", "long_repeats", "videos", "memory_samples", "indexed_videos", "scored_videos"):
        assert defaults[name] < run.parameters[name]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"parts": ["samples", "speed"]}, "parameter parts: unknown 'speed'; choose from: samples, "),
        ({"parts": []}, "parameter parts is empty"),
        ({"repeats": 0}, "parameter repeats: 0; it must be at least 1"),
    ],
)
def test_an_impossible_parameter_fails_before_anything_is_measured(tmp_path, monkeypatch, parameters, message):
    def write(*_, **__):
        raise AssertionError("videos were written before the parameters were checked")

    monkeypatch.setattr(clips, "write_videos", write)
    monkeypatch.chdir(ROOT)
    cells = json.loads((ROOT / "notebooks" / "13_bench.ipynb").read_text())["cells"]
    begin, check = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"][:2]
    variables = {}
    exec(begin, variables)
    variables |= {"run_dir": str(tmp_path / "run"), **parameters}
    with plt.rc_context(), pytest.raises((ValueError, FileNotFoundError), match=message):
        exec(check, variables)
