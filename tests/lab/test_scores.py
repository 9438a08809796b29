"""Scores per video: what is written is read back to the bit, and every metric is computed from them again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.evaluation import EmbeddedVideos, zero_shot_accuracy
from text4vis_core.evaluation.metrics import mean_average_precision, topk_accuracy
from text4vis_lab.scores import (
    HALVES,
    Scores,
    ranks_of,
    read_part,
    read_ranks,
    read_scores,
    recompute,
    write_ranks,
    write_scores,
)

VIDEOS, CLASSES = 40, 9


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def single(generator) -> Scores:
    """Of videos with one label each, of which the last class has none."""
    labels = torch.randint(CLASSES - 1, (VIDEOS,), generator=generator)
    logits = torch.randn(VIDEOS, CLASSES, generator=generator) * 10
    logits[0, :3] = torch.tensor([1e-42, -0.0, 3.4e38])  # subnormal, signed zero, almost too large
    return Scores([f"videos/{i} ä.avi" for i in range(VIDEOS)], labels, logits)


@pytest.fixture
def several(single, generator) -> Scores:
    """Of videos with one to three labels each."""
    targets = F.one_hot(single.labels, CLASSES).float()
    targets[:, :-1] += F.one_hot(torch.randint(CLASSES - 1, (VIDEOS,), generator=generator), CLASSES)[:, :-1]
    return replace(single, targets=targets.clamp(max=1), scores=torch.randn(VIDEOS, CLASSES, generator=generator))


def same(one: Scores, other: Scores) -> bool:
    """To the bit."""
    assert list(one.videos) == list(other.videos)
    assert (one.labels.dtype, one.scores.dtype) == (other.labels.dtype, other.scores.dtype)
    bits = [scores.scores.contiguous().view(torch.int32) for scores in (one, other)]
    assert (one.targets is None) == (other.targets is None)
    targets = one.targets is None or torch.equal(one.targets, other.targets)
    return torch.equal(one.labels, other.labels) and torch.equal(*bits) and targets


def test_what_is_written_is_read_back_to_the_bit(tmp_path, single, several):
    path = tmp_path / "scores" / "cell.parquet"
    parts = {("test", "1 view"): single, ("test", "4 x 3 views"): replace(single, scores=-single.scores)}
    write_scores(path, parts, {"method": "text, frozen", "seed": 0, "frozen": True})
    found = read_scores(path)
    assert list(found) == list(parts)
    assert all(same(found[key], part) for key, part in parts.items())
    write_scores(path, {("test", "1 view"): several}, {})
    assert same(read_scores(path)["test", "1 view"], several)
    assert list(path.parent.iterdir()) == [path]


def test_tests_between_which_the_number_of_classes_differs_share_a_file(tmp_path, single, several):
    small = Scores(single.videos[:3], torch.tensor([1, 0, 1]), single.scores[:3, :2].contiguous())
    parts = {("base", "1 view"): single, ("novel", "1 view"): small}
    write_scores(tmp_path / "cell.parquet", parts, {"method": "m"})
    found = read_scores(tmp_path / "cell.parquet")
    assert all(same(found[key], part) for key, part in parts.items())


def test_a_file_says_of_each_row_what_it_is_of(tmp_path, several):
    import pandas as pd

    write_scores(tmp_path / "cell.parquet", {("test", "1 view"): several}, {"method": "m", "seed": 3})
    table = pd.read_parquet(tmp_path / "cell.parquet")
    assert list(table.columns) == ["test", "view", "method", "seed", "video", "label", "labels", "scores"]
    assert len(table) == VIDEOS
    assert (table["seed"] == 3).all()
    assert [list(labels) for labels in table["labels"]] == [row.nonzero()[:, 0].tolist() for row in several.targets]


def test_metrics_of_one_label(single):
    assert single.metrics() == {
        "top1": topk_accuracy(single.scores, single.labels),
        "top5": topk_accuracy(single.scores, single.labels, 5),
    }


def test_of_several_labels_any_is_right_and_ranks_are_by_probability(several):
    found = several.metrics()
    highest = several.scores.argmax(1)
    assert found["top1"] == pytest.approx(100 * several.targets[range(VIDEOS), highest].double().mean().item())
    assert found["map"] == mean_average_precision(several.scores.softmax(-1), several.targets)
    assert found["map"] != mean_average_precision(several.scores, several.targets)


def test_halves_of_the_classes_are_the_published_ones(single, generator):
    videos, rows = (torch.randn(n, 16, generator=generator) for n in (VIDEOS, CLASSES))
    cosines = F.normalize(videos, dim=-1) @ F.normalize(rows, dim=-1).T
    scores = replace(single, scores=cosines)
    expected = zero_shot_accuracy(videos, rows, single.labels)
    assert scores.metrics() == {name: expected[name] for name in ("top1", "top5")}
    halves = [scores.metrics(half) for half in range(HALVES)]
    assert [half["top1"] for half in halves] == expected["half_top1"]
    assert [half["top5"] for half in halves] == expected["half_top5"]
    assert sum(scores.half_videos(half) for half in range(HALVES)) < HALVES * VIDEOS
    classes, inside = scores._half(0)
    assert len(classes) == CLASSES // 2
    assert scores.half_videos(0) == len(inside) == int(np.isin(single.labels, classes).sum())


class TestOfEmbeddedVideos:
    @pytest.fixture
    def listed(self):
        """Two videos, two parts of one file, and one that could not be decoded."""
        times = [(None, None), (None, None), (1.5, 4.0), (4.0, None), (None, None)]
        paths = ["a.mp4", "broken.mp4", "long.mp4", "long.mp4", "b.mp4"]
        videos = [
            Video(Path("v", path), i % 3, (), *time) for i, (path, time) in enumerate(zip(paths, times, strict=True))
        ]
        return VideoList(("x", "y", "z"), tuple(videos))

    def known(self, listed, targets=None):
        kept = [0, 2, 3, 4]
        return EmbeddedVideos(torch.zeros(4, 1, 2), torch.tensor(listed.labels[kept]), torch.tensor(kept), [], targets)

    def test_names_parts_of_files_and_leaves_out_what_was_skipped(self, listed, tmp_path):
        logits = torch.randn(4, 3)
        scores = Scores.of(listed, self.known(listed), logits)
        assert scores.videos == ["v/a.mp4", "v/long.mp4#t=1.5,4.0", "v/long.mp4#t=4.0,", "v/b.mp4"]
        assert scores.labels.tolist() == [0, 2, 0, 1]
        assert torch.equal(scores.scores, logits)
        write_scores(tmp_path / "c.parquet", {("test", "1 view"): scores}, {})
        assert same(read_scores(tmp_path / "c.parquet")["test", "1 view"], scores)

    def test_of_some_classes(self, listed):
        logits = torch.randn(4, 3)
        scores = Scores.of(listed, self.known(listed), logits, [0, 1])
        assert scores.videos == ["v/a.mp4", "v/long.mp4#t=4.0,", "v/b.mp4"]
        assert torch.equal(scores.scores, logits[[0, 2, 3]])
        assert scores.metrics()["top1"] == topk_accuracy(logits[[0, 2, 3]], self.known(listed).labels[[0, 2, 3]])

    def test_of_some_classes_where_a_video_has_several(self, listed):
        targets = torch.tensor([[1, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 0.0]])
        logits = torch.randn(4, 3)
        scores = Scores.of(listed, self.known(listed, targets), logits, [1])
        assert scores.videos == ["v/a.mp4", "v/b.mp4"]
        assert torch.equal(scores.truth, targets[[0, 3]])


def test_a_file_that_is_missing_or_damaged_is_named(tmp_path, single):
    path = tmp_path / "a.parquet"
    message = r"a\.parquet: the scores cannot be read .*; run the notebook again"
    with pytest.raises(ValueError, match=message):
        read_scores(path)
    write_scores(path, {("test", "v"): single}, {})
    for content in (path.read_bytes()[:-20], b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_scores(path)


class TestRanks:
    def test_what_is_written_is_read_back(self, tmp_path, single):
        path = tmp_path / "scores" / "ranks.parquet"
        ranks = {f"cell-{number}": ranks_of(single.scores.roll(number, 1), single.labels) for number in range(3)}
        write_ranks(path, ranks, single.videos, single.labels)
        found = read_ranks(path)
        assert list(found) == [(name, "test", "1 view") for name in ranks]
        for (name, _, _), part in found.items():
            assert list(part.videos) == list(single.videos)
            assert part.ranks.dtype == np.uint16 and np.array_equal(part.ranks, ranks[name])
            assert np.array_equal(part.labels, single.labels.numpy())

    def test_metrics_are_those_of_the_scores(self, tmp_path, single):
        """Ties too: half of the scores are the same."""
        for scores in (single.scores, single.scores.round(decimals=-1), torch.zeros_like(single.scores)):
            part = replace(single, scores=scores)
            write_ranks(
                tmp_path / "ranks.parquet", {"c": ranks_of(scores, single.labels)}, single.videos, single.labels
            )
            [ranks] = read_ranks(tmp_path / "ranks.parquet").values()
            assert ranks.metrics() == pytest.approx(part.metrics())
            for k in (1, 5):
                assert np.array_equal(ranks.right(k), part.right(k))
        few = single.scores[:, :3], single.labels % 3
        assert (ranks_of(*few) < 5).all()

    def test_a_cell_without_a_file_of_its_own_is_found_among_ranks(self, tmp_path, single):
        folder = tmp_path / "scores"
        write_scores(folder / "own.parquet", {("test", "1 view"): single}, {})
        other = replace(single, videos=[f"test/{index}" for index in range(VIDEOS)])
        for name, test in (("ranks", "test"), ("ranks-ordered", "ordered")):
            ranks = {"a": ranks_of(single.scores, single.labels), "b": np.full(VIDEOS, 7)}
            write_ranks(folder / f"{name}.parquet", ranks, other.videos, single.labels, test)
        rows = [
            {"cell": cell, "test": test, "view": "1 view"}
            for cell, test in (("own", "test"), ("a", "test"), ("a", "ordered"), ("b", "ordered"))
        ]
        whole = {name: pytest.approx(value) for name, value in single.metrics().items()}
        assert recompute(tmp_path, rows) == [whole, whole, whole, {"top1": 0, "top5": 0}]
        with pytest.raises(ValueError, match=r"c\.parquet: the scores cannot be read"):
            read_part(tmp_path, {"cell": "c", "test": "test", "view": "1 view"})
        with pytest.raises(ValueError, match="ranks among all classes tell no metric of half of them"):
            recompute(tmp_path, [rows[1] | {"half": 0}])

    def test_a_damaged_file_is_named(self, tmp_path):
        (tmp_path / "ranks.parquet").write_bytes(b"PAR1 and no more")
        with pytest.raises(ValueError, match=r"ranks\.parquet: the ranks cannot be read .*; run the notebook again"):
            read_ranks(tmp_path / "ranks.parquet")


@pytest.mark.parametrize(("classes", "halves"), [(2, 0), (5, 0), (6, HALVES)])
def test_halves_of_one_or_two_classes_are_not_scored(classes, halves):
    scores = Scores([str(i) for i in range(40)], torch.arange(40) % classes, torch.rand(40, classes))
    assert len(scores.halves) == halves


def test_scores_that_are_not_finite_have_no_metrics():
    logits = torch.rand(4, 8)
    logits[1, 3] = torch.nan
    scores = Scores(list("abcd"), torch.arange(4), logits)
    for ask in (scores.metrics, lambda: scores.right(1)):
        with pytest.raises(ValueError, match="are not finite"):
            ask()
