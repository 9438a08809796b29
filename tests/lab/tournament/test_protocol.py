"""One budget for every method: chosen on validation embeddings, the test scored with what was chosen, and kept."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from text4vis_core.data.video_list import AnnotationError
from text4vis_lab import inference
from text4vis_lab.records import RunRecord
from text4vis_lab.rows import as_table, check_rows
from text4vis_lab.scores import read_part, write_ranks
from text4vis_lab.tournament import at_hand, frozen, kept
from text4vis_lab.tournament.features import Embeddings, Features, save_features

CLASSES, DIM = 5, 12
KINDS = ("text", "rotated text", "nearest simplex", "simplex", "rotated simplex", "shuffled text")
SOME = ["zero-shot", "class means", "means + text", "tip-adapter", *(f"rows from {kind}" for kind in KINDS)]


def unit(count, seed):
    return F.normalize(torch.randn(count, DIM, generator=torch.Generator().manual_seed(seed)), dim=-1)


def split(name, each, seed) -> Embeddings:
    labels = torch.arange(CLASSES).repeat_interleave(each)
    rows = F.normalize(unit(CLASSES, 0)[labels] + 0.7 * unit(len(labels), seed), dim=-1)
    return Embeddings(rows, labels, tuple(f"{name}/{i}" for i in range(len(labels))))


@pytest.fixture(scope="module")
def features() -> Features:
    text = F.normalize(unit(CLASSES, 0) + unit(CLASSES, 9), dim=-1)
    parts = split("train", 4, 1), split("val", 6, 2), split("test", 7, 3)
    return Features(tuple("abcde"), *parts, text, 20.0, source="made up")


@pytest.fixture(scope="module")
def played(features):
    wanted = frozen.methods(SOME)
    recipes, trials = frozen.tune(features, wanted, [1, 4], draws=2, workers=1)
    return recipes, trials, frozen.tournament(features, wanted, [1, 4], [0, 1, 2], recipes, workers=1)


def test_the_best_trial_on_validation_embeddings_is_chosen(features, played):
    recipes, trials, _ = played
    assert set(recipes) == set(SOME) - {"zero-shot", "class means"}
    [method] = frozen.methods(["means + text"])
    accuracies = []
    for trial in method.grid:
        draws = [frozen.fit(features, frozen.Draw(1, 1000 + i, ((method.name, trial),), "val"))[0] for i in range(2)]
        accuracies.append(np.mean([fitted.top1 for fitted in draws]))
    assert recipes["means + text"][1]["share"] == method.grid[int(np.argmax(accuracies))]["share"]
    assert recipes["means + text"][1]["validation"] == pytest.approx(max(accuracies), abs=0.01)
    assert len(trials.rows) == 9 * 2 * len(recipes)


def test_every_trial_follows_from_the_ranks_of_its_cells(played):
    _, trials, _ = played
    assert len(trials.ranks) == 2 * len(trials.rows)
    for row in trials.rows:
        assert row["validation"] == np.mean([100 * (trials.ranks[cell] == 0).mean() for cell in row["cells"]])
        assert [trials.draws[cell] for cell in row["cells"]] == [(row["shots"], 1000), (row["shots"], 1001)]


def test_rows_are_of_the_schema_and_follow_from_the_ranks(features, played):
    table = played[2]
    check_rows(table.rows, "here")
    rows = as_table(table.rows)
    counts = rows.groupby(["method", "setting"]).size()
    assert counts["zero-shot"].tolist() == [1, 1]
    assert counts["rows from text"].tolist() == [6, 6]
    for row in table.rows:
        assert row["top1"] == pytest.approx(100 * (table.ranks[row["cell"]] == 0).mean())
        assert row["top5"] == 100
    assert rows.loc[rows["method"] != "zero-shot", "train_loss"].notna().all()


def test_a_draw_that_holds_all_items_is_fitted_once_unless_the_method_draws(played):
    rows = as_table(played[2].rows)
    whole = rows[(rows["shots"] == 4) & (rows["setting"] == "tuned")]
    cells = whole.groupby("method")["cell"].nunique()
    assert (cells["class means"], cells["rows from text"], cells["rows from rotated text"]) == (1, 1, 3)
    assert sorted(whole[whole["method"] == "class means"]["seed"]) == [0, 1, 2]


def test_a_score_is_that_of_the_method_on_its_draw(features, played):
    [row] = [r for r in played[2].rows if r["method"] == "class means" and (r["shots"], r["seed"]) == (1, 2)][:1]
    few = features.draw(1, 2)
    nearest = (features.test.rows @ few.rows.T).argmax(-1)
    assert row["top1"] == pytest.approx(100 * float((few.labels[nearest] == features.test.labels).float().mean()))
    assert row["train_top1"] == 100


@pytest.mark.slow
def test_processes_change_nothing(features, played):
    wanted = frozen.methods(["rows from text", "class means"])
    again = frozen.tournament(features, wanted, [1, 4], [0, 1, 2], played[0], workers=2)
    assert again.ranks and all(np.array_equal(ranks, played[2].ranks[cell]) for cell, ranks in again.ranks.items())


def test_scores_that_are_not_finite_are_an_error(features):
    with pytest.raises(ValueError, match=r"'tip-adapter' with .* gives scores that are not finite: lower its rate"):
        frozen.fit(features, frozen.Draw(1, 0, (("tip-adapter", {"alpha": float("inf")}),)))


def test_a_method_without_a_recipe_is_named(features):
    with pytest.raises(ValueError, match="no recipe for 'means \\+ text' at 1 shots"):
        frozen.tournament(features, frozen.methods(["means + text"]), [1], [0], {}, workers=1)


class Laboratory(SimpleNamespace):
    """What of a `Lab` the tournament uses."""

    def scores(self, row):
        return read_part(self.record.run_dir, row)


@pytest.fixture
def lab(tmp_path):
    parameters = {"dataset": "features", "data_root": "", "class_embeddings": "", "model": ""}
    return Laboratory(record=RunRecord("10_frozen_encoder", tmp_path / "run", parameters), values=parameters)


@pytest.fixture
def run(lab, features, played):
    """A finished run's folder."""
    at_hand.note_text(lab, features)
    found = played[2]
    write_ranks(lab.record.run_dir / "scores" / "ranks.parquet", found.ranks, found.names, found.labels)
    lab.record.rows = found.rows
    lab.record.save()
    return lab.record.run_dir


def test_embeddings_of_which_none_are_held_out_are_named(lab, features, tmp_path):
    nothing = features.test.take(torch.arange(0))
    save_features(tmp_path, replace(features, test=nothing))
    lab.values["data_root"] = str(tmp_path)
    with pytest.raises(AnnotationError, match=r"parameter data_root: .* has no videos of test; embed folders"):
        at_hand.features_of(lab)


def test_text_facts_are_noted(lab, features):
    at_hand.note_text(lab, features)
    metrics = lab.record.metrics
    assert metrics["about"].startswith("made up: 5 classes, 20 train, 30 val, 35 test items. ProLIP begins with")
    facts = metrics["text"]["features: 5 classes"]
    above = np.triu_indices(5, 1)
    cosines = (features.text @ features.text.T).numpy()[above]
    assert facts["mean cosine"] == pytest.approx(cosines.mean(), abs=1e-5)
    [(name, kept_cosines)] = at_hand.maps(lab).items()
    assert name == "features: 5 classes" and kept_cosines[above] == pytest.approx(cosines, abs=1e-3)


def test_a_kept_record_stands_for_the_run(tmp_path, run, played):
    folder = kept.keep(run, tmp_path / "kept")
    parameters = {"dataset": "features", "data_root": "", "model": ""}
    other = Laboratory(record=RunRecord("10_frozen_encoder", tmp_path / "other", parameters), values=parameters)
    assert kept.is_shown(other, folder)
    rows = kept.show(other, folder)
    pd.testing.assert_frame_equal(rows, as_table(played[2].rows))
    means = inference.means(rows, ["method", "setting", "shots"], other.scores, "features")
    assert means["over"].str.contains("35 videos").all()
    assert "Kept: measured 20" in other.record.metrics["about"]
    other.record.save()
    assert json.loads((tmp_path / "other" / "result.json").read_text())["rows"]
    assert at_hand.maps(other)


def test_a_kept_record_is_not_shown_where_the_data_is(tmp_path, lab):
    lab.values["data_root"] = str(tmp_path)
    assert not kept.is_shown(lab, "data/records/x")
    lab.values["data_root"] = str(tmp_path / "gone")
    assert kept.is_shown(lab, "data/records/x") and not kept.is_shown(lab, "")


def test_a_kept_record_that_cannot_be_read_is_named(tmp_path, lab, run):
    with pytest.raises(FileNotFoundError, match="parameter record: nowhere holds no"):
        kept.show(lab, "nowhere")
    folder = kept.keep(run, tmp_path / "kept")
    lab.values["dataset"] = "puppets"
    with pytest.raises(ValueError, match="is of dataset 'features': set dataset to it"):
        kept.show(lab, folder)
    (folder / "rows.parquet").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"record\.json is not a kept record .*; restore it, or keep the run again"):
        kept.read_kept(folder)


def test_answers_are_differences_of_the_same_rows(lab, run, played):
    rows = as_table(played[2].rows)
    worth = frozen.worth_of_text(rows, lab.scores, "features")
    assert set(worth["setting"]) == {"tuned", "validation-free"} and set(worth["shots"]) == {1, 4}
    means = inference.means(rows, ["method", "role", "setting", "shots"], lab.scores, "features")
    for line in worth.to_dict("records"):
        some = means[(means["setting"] == line["setting"]) & (means["shots"] == line["shots"])]
        best = some[some["role"] == "text-free"]["mean"].max()
        ahead = some[some["method"] == "rows from text"]["mean"].item()
        assert line["mean"] == pytest.approx(ahead - best, abs=1e-6)
        assert line["comparator"] in frozen.in_words(pd.Series(line))
    parts = frozen.mechanism_of(rows, lab.scores, "features")
    assert set(parts["estimand"]) >= {"alignment", "geometry, if aligned", "geometry alone"}
    shown = frozen.by_method(means[means["setting"] == "tuned"])
    assert set(shown["method"]) == set(SOME) and {"1 label", "4 labels"} <= set(shown)
    told = frozen.headline(worth[worth["setting"] == "tuned"], "here")
    assert "with 1 label of each class and" in told and worth["comparator"].iloc[0] in told
    assert frozen.headline(worth[:0], "here").endswith("a method that knows labels alone.")
    assert [said.split(":")[0] for said in frozen.why(parts[parts["setting"] == "tuned"])] == [
        "With 1 label of each class",
        "With 4 labels of each class",
    ]
    read = frozen.over_shots(means[means["setting"] == "tuned"])
    assert "Zero-shot, which sees no label" in read and read.count("points apart") == 2
    assert list(frozen.worth_by_shots(worth)["points"]) == list(worth["mean"])
    assert set(frozen.described(frozen.methods(list(SOME)))["method"]) == set(SOME)
