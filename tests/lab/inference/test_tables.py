"""Means and differences of rows: alignment of seeds and videos, several comparators, what has no seed."""

import numpy as np
import pytest
from inference_answers import GROUPS, Run, videos

from text4vis_lab.inference import cube_of, difference, mean_text, means, with_harmonic_mean
from text4vis_lab.inference.cube import paired

N = len(videos())


def right(seed: int, percent: float, seeds: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).random((seeds, N)) < percent / 100


@pytest.fixture
def run() -> Run:
    return Run().add("text", right(0, 80)).add("random", right(1, 40)).add("lda", right(2, 60))


def test_a_line_for_each_group_of_rows_with_what_it_is_over(run):
    found = means(run.table, "method", run.scores, "puppets")
    assert found.columns.to_list() == ["method", "mean", "low", "high", "n", "over"]
    assert found["method"].to_list() == ["text", "random", "lda"]
    assert found["mean"].to_list() == pytest.approx(run.table.groupby("method", sort=False)["top1"].mean().to_list())
    assert (found["low"] < found["mean"]).all() and (found["mean"] < found["high"]).all()
    assert found["n"].to_list() == [3, 3, 3]
    assert set(found["over"]) == {f"3 seeds × {GROUPS} groups"}
    line = found.iloc[0]
    assert mean_text(line) == f"{line['mean']:.1f} % [{line['low']:.1f}, {line['high']:.1f}] over 3 seeds × 6 groups"


def test_one_seed_is_over_groups_alone_and_says_so(run):
    one = means(run.table[run.table["seed"] == 0], "method", run.scores, "puppets")
    assert set(one["over"]) == {"6 groups, one seed"}
    no_seed = Run().add("zero-shot", right(0, 50, seeds=1), seed=None)
    assert means(no_seed.table, "method", no_seed.scores, "puppets")["over"].item() == "6 groups"
    assert means(no_seed.table, "method", no_seed.scores, "kinetics400")["over"].item() == f"{N} videos"


def test_folds_have_videos_of_their_own():
    run = Run()
    for fold in (1, 2):
        names = [name.replace("_c01", f"_c{fold:02d}").replace("/v/", f"/{fold}/") for name in videos()]
        run.add("m", right(fold, 50, seeds=1), names=names, seed=None, fold=fold)
    found = means(run.table, "method", run.scores, "puppets")
    assert found["over"].item() == "2 folds × 6 groups"
    assert found["mean"].item() == pytest.approx(run.table["top1"].mean())


def test_rows_of_one_seed_are_not_averaged(run):
    with pytest.raises(ValueError, match="rows of one seed cannot be averaged: take the means by method too"):
        means(run.table.assign(all=""), "all", run.scores, "puppets")


def test_other_metrics(run):
    found = means(run.table, "method", run.scores, "puppets", "top5")
    assert (found["mean"] == 100).all() and (found["low"] == 100).all()  # of four classes
    with pytest.raises(ValueError, match="no scores per video for the column 'videos'"):
        means(run.table, "method", run.scores, "puppets", "videos")


def test_differences_are_of_the_same_seed_and_video(run):
    found = difference(run.of("text"), run.of("random").iloc[::-1], run.scores, "puppets")
    gains = run.of("text")["top1"].to_numpy() - run.of("random")["top1"].to_numpy()
    assert found.mean == pytest.approx(gains.mean())
    assert found.comparator == "random"
    assert found.text() == f"{found.mean:.1f} points [{found.low:.1f}, {found.high:.1f}] over 3 seeds × 6 groups"
    own = difference(run.of("text"), run.of("text"), run.scores, "puppets")
    assert (own.mean, own.low, own.high) == (0, 0, 0)


def test_videos_are_aligned_by_name():
    answers, order = right(0, 60), np.random.default_rng(5).permutation(N)
    run = Run().add("a", answers).add("b", answers[:, order], names=[videos()[index] for index in order])
    first, second = paired([cube_of(run.of(name), run.scores, "puppets") for name in "ab"])
    assert first.videos == second.videos and np.array_equal(first.groups, second.groups)
    assert np.array_equal(first.right, second.right)
    found = difference(run.of("a"), run.of("b"), run.scores, "puppets")
    assert (found.low, found.high) == (0, 0)


def test_the_best_of_several_is_found_anew_in_each_resample(run):
    found = difference(run.of("text"), run.table[run.table["method"] != "text"], run.scores, "puppets")
    alone = difference(run.of("text"), run.of("lda"), run.scores, "puppets")
    assert (found.comparator, found.mean) == ("lda", alone.mean)
    assert set(found.each) == {"random", "lda"}
    assert found.percents == pytest.approx((run.of("text")["top1"].mean(), run.of("lda")["top1"].mean()))


def test_a_method_without_seeds_is_the_same_for_each(run):
    run.add("zero-shot", right(7, 50, seeds=1), seed=None)
    found = difference(run.of("text"), run.of("zero-shot"), run.scores, "puppets")
    assert found.mean == pytest.approx(run.of("text")["top1"].mean() - run.of("zero-shot")["top1"].item())
    assert found.over == "3 seeds × 6 groups"


def test_what_does_not_match_is_an_error(run):
    with pytest.raises(ValueError, match="the seeds of two methods do not match: only one has seed 2"):
        difference(run.of("text"), run.of("lda").iloc[:2], run.scores, "puppets")
    names = videos()
    names[3] = "/v/other.mp4"
    run.add("other", right(0, 50), names=names)
    with pytest.raises(ValueError, match=r"the videos of two methods do not match.*'/v/other.mp4' \(2 in all\)"):
        difference(run.of("text"), run.of("other"), run.scores, "puppets")
    for ahead, behind in ((run.of("none"), run.of("lda")), (run.of("lda"), run.of("none"))):
        with pytest.raises(ValueError, match="there is no row"):
            difference(ahead, behind, run.scores, "puppets")


def test_a_video_that_is_listed_twice_counts_twice():
    names = videos()
    names[1] = names[0]
    run = Run().add("m", right(0, 50), names=names)
    assert means(run.table, "method", run.scores, "puppets")["mean"].item() == pytest.approx(run.table["top1"].mean())


def test_the_harmonic_mean_is_taken_anew_in_each_resample():
    run = Run()
    for seed in range(3):
        run.add("m", right(seed, 80, seeds=1), "base", seed=seed)
        run.add("m", right(9 + seed, 40, seeds=1), "novel", seed=seed)
    found = with_harmonic_mean(run.table, "method", run.scores, "puppets").set_index("test")
    assert found.index.to_list() == ["base", "novel", "harmonic mean"]
    base, novel = (run.table[run.table["test"] == test]["top1"].to_numpy() for test in ("base", "novel"))
    line = found.loc["harmonic mean"]
    assert line["mean"] == pytest.approx((2 * base * novel / (base + novel)).mean())
    assert line["low"] < line["mean"] < line["high"]
    assert line["over"] == "3 seeds × 6 groups"
