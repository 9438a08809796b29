"""Effects of causes on stored embeddings: of drawn ones, where the truth is known, and the kept record's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from text4vis_lab.compare import CAUSES
from text4vis_lab.compare.on_embeddings import effects, kept_effects, main
from text4vis_lab.tournament.features import Embeddings, Features, save_features

CLASSES, WIDTH = 8, 16


def drawn(count: int, text: torch.Tensor, seed: int) -> Embeddings:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    rows = text[labels] + 0.5 * torch.randn(count, WIDTH, generator=generator)
    return Embeddings(F.normalize(rows, dim=-1), labels, tuple(f"{seed}/{i}" for i in range(count)))


@pytest.fixture(scope="module")
def features() -> Features:
    text = F.normalize(torch.randn(CLASSES, WIDTH, generator=torch.Generator().manual_seed(0)), dim=-1)
    parts = [drawn(count, text, seed) for seed, count in enumerate((80, 16, 400), 1)]
    return Features(tuple(map(str, range(CLASSES))), *parts, text=text)


@pytest.fixture(scope="module")
def found(features):
    return effects(features).set_index("cause")


def test_all_classes_are_harder_than_halves_and_a_wrong_order_is_chance(features, found):
    cosines = features.test.rows @ features.text.T
    assert found.loc["classes", "effect"] < 0
    assert found.loc["classes", "low"] < found.loc["classes", "effect"] < found.loc["classes", "high"]
    own = 100 * (cosines.argmax(-1) == features.test.labels).double().mean().item()
    order = np.random.default_rng(0).permutation(CLASSES)
    other = 100 * (cosines[:, order].argmax(-1) == features.test.labels).double().mean().item()
    wrong = found.loc["label_order"]
    assert wrong["effect"] == pytest.approx(other - own)
    assert wrong["low"] < wrong["effect"] < wrong["high"] < 0


def test_missing_items_are_bounded(features, found):
    random, bounds = found.loc["missing_videos"].to_dict("records")
    assert bounds["low"] < random["low"] < random["effect"] < random["high"] < bounds["high"]
    assert np.isnan(bounds["effect"])
    right = ((features.test.rows @ features.text.T).argmax(-1) == features.test.labels).double().sort().values
    gone = round(0.061 * len(right))
    assert bounds["high"] == pytest.approx(100 * (right[gone:].mean() - right.mean()).item())


def test_a_second_softmax_moves_the_ranking_and_a_draw_the_rest(found):
    assert found.loc["softmax", "metric"] == "mAP"
    assert found.loc["softmax", "effect"] != 0
    few, more = found.loc["draw"].to_dict("records")
    assert few["high"] == pytest.approx(-few["low"])
    assert few["high"] > more["high"] > 0  # one image a class says less than four


def test_it_is_kept_and_read_and_a_change_is_seen(features, found, tmp_path, monkeypatch, capsys):
    save_features(tmp_path / "cache", features)
    arguments = [str(tmp_path / "cache"), "", "--about", "Drawn.", "--out", str(tmp_path / "kept/drawn.json")]
    (tmp_path / "kept").mkdir()
    assert main(arguments) == 0, capsys.readouterr().err
    table, about = kept_effects(tmp_path / "kept")
    assert about == ["Drawn."]
    assert table["data"].unique().tolist() == ["drawn"]
    assert table["effect"].tolist() == pytest.approx(found["effect"].tolist(), nan_ok=True)
    path = tmp_path / "kept/drawn.json"
    path.write_text(path.read_text().replace("label_order", "labels"))
    with pytest.raises(ValueError, match=r"drawn\.json is not effects .*'seal' is not that of its content"):
        kept_effects(tmp_path / "kept")
    assert main([str(tmp_path / "nowhere"), "", "--about", "x", "--out", str(path)]) == 1
    assert "there is no folder" in capsys.readouterr().err


def test_what_is_kept_of_real_embeddings_names_known_causes():
    table, about = kept_effects()
    assert set(table["cause"]) <= set(CAUSES)
    assert len(about) == table["data"].nunique() > 0


def test_nothing_kept_is_an_empty_table(tmp_path):
    table, about = kept_effects(tmp_path)
    assert (len(table), about) == (0, [])


def test_without_text_nothing_is_told(features):
    with pytest.raises(ValueError, match="no text rows"):
        effects(replace(features, text=None))
