"""Feature caches, the laboratory's own and files of text rows: what they hold comes back, and faults are named."""

import csv
import json
from dataclasses import replace

import pytest
import safetensors
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from text4vis_core.data.video_list import AnnotationError
from text4vis_lab.class_embeddings import save_class_embeddings
from text4vis_lab.sources import listed_videos
from text4vis_lab.tournament.caches import text_rows
from text4vis_lab.tournament.features import Embeddings, Features, Projection, read_features, save_features

NAMES = ["ApplyLipstick", "HulaHoop", "WallPushups"]
SHOTS, DIM = 4, 6


def unit(count, seed=0, dim=DIM) -> torch.Tensor:
    return F.normalize(torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)), dim=-1)


@pytest.fixture
def cache(tmp_path):
    """A folder in the form of Tip-Adapter's caches, with half-precision columns as keys."""
    labels = torch.arange(3).repeat_interleave(SHOTS)
    torch.save(unit(12).T.half(), tmp_path / f"keys_{SHOTS}shots.pt")
    torch.save(F.one_hot(labels).half(), tmp_path / f"values_{SHOTS}shots.pt")
    torch.save(unit(3, 9).T.half(), tmp_path / "keys_1shots.pt")
    for split, seed in (("val", 1), ("test", 2)):
        torch.save(unit(5, seed).half(), tmp_path / f"{split}_f.pt")
        torch.save(torch.tensor([0, 1, 2, 0, 1]), tmp_path / f"{split}_l.pt")
    with (tmp_path / "names.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "name"), *enumerate(NAMES)])
    return tmp_path


def test_a_cache_is_read(cache):
    features = read_features(cache)
    assert features.classes == tuple(NAMES)
    assert torch.allclose(features.train.rows, unit(12), atol=1e-3)
    assert features.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert features.test.names == ("test/0", "test/1", "test/2", "test/3", "test/4")
    assert (len(features.val), features.text, features.logit_scale, features.notes) == (5, None, 100.0, ())
    norms = features.test.rows.norm(dim=-1)
    assert features.test.rows.dtype == torch.float32 and torch.allclose(norms, torch.ones(5))


def test_keys_may_be_rows_and_names_may_be_absent(cache):
    torch.save(unit(12), cache / f"keys_{SHOTS}shots.pt")
    (cache / "names.csv").unlink()
    features = read_features(cache)
    assert torch.allclose(features.train.rows, unit(12), atol=1e-6)
    assert features.classes == ("class 0", "class 1", "class 2")
    assert "has no table of names" in features.notes[0]


def test_a_draw_has_so_many_of_each_class_and_more_shots_hold_the_fewer(cache):
    features = read_features(cache)
    few, more = features.draw(1, 5), features.draw(3, 5)
    assert more.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert set(few.names) < set(more.names)
    assert {features.draw(1, seed).names for seed in range(20)} != {few.names}
    assert features.draw(0, 5) is features.train
    assert [features.is_all(k) for k in (0, 3, 4)] == [True, False, True]
    with pytest.raises(ValueError, match="5 shots were asked for, class 'ApplyLipstick' has 4 items"):
        features.draw(5, 0)


def test_text_of_some_classes_leaves_these_alone(cache):
    torch.save({"class_id": torch.tensor([2, 0]), "text": unit(2, 3)}, cache / "text.pt")
    features = read_features(cache, cache / "text.pt")
    assert features.classes == (NAMES[0], NAMES[2])
    assert torch.equal(features.text, F.normalize(unit(2, 3)[[1, 0]], dim=-1))
    assert features.test.labels.tolist() == [0, 1, 0]
    assert features.test.names == ("test/0", "test/2", "test/3")
    assert features.notes[-1] == "text.pt has text of 2 of 3 classes: these alone are told apart"


@pytest.mark.parametrize("names", [NAMES, ["apply lipstick", "hula hoop", "wall pushups"]])
def test_text_by_name_is_found_as_spelled_or_as_words(cache, names):
    save_class_embeddings(cache / "text.safetensors", names[::-1], unit(3, 3), "a text tower", "{}")
    assert torch.allclose(read_features(cache, cache / "text.safetensors").text, unit(3, 3).flip(0))


def spoil(cache, name, value):
    torch.save(value, cache / name)


FAULTS = [
    (
        "keys_4shots.pt",
        torch.ones(12, 0),
        r"keys_4shots\.pt: the keys is torch\.float32 \(12, 0\)|holds rows that are zero",
    ),
    (
        "keys_4shots.pt",
        torch.full((6, 12), torch.nan),
        r"keys_4shots\.pt: the keys holds rows that are zero or not finite",
    ),
    ("keys_4shots.pt", unit(7), r"labels are torch\.int64 \(12,\), the keys has 7 rows"),
    ("keys_4shots.pt", [1, 2], r"keys_4shots\.pt: holds a list, not a tensor; save the tensor alone"),
    ("values_4shots.pt", torch.ones(12, 3), r"values_4shots\.pt: \(12, 3\) is not one-hot"),
    ("values_4shots.pt", F.one_hot(torch.zeros(12, dtype=torch.int64), 3), "class 'HulaHoop' has no key"),
    ("test_l.pt", torch.tensor([0, 1, 2, 0, 3]), r"labels run from 0 to 3, of 3 classes; number them from 0"),
    ("test_l.pt", torch.tensor([0, 1]), r"test_f\.pt: labels are torch\.int64 \(2,\), the embeddings has 5 rows"),
    ("val_l.pt", torch.rand(5), r"val_f\.pt: labels are torch\.float32"),
    ("val_f.pt", unit(5, 1, 4), r"val_f\.pt: embeddings are 4 numbers wide, keys_4shots\.pt 6; compute both with one"),
]


@pytest.mark.parametrize(("name", "value", "message"), FAULTS)
def test_a_fault_is_named_with_its_file_and_a_remedy(cache, name, value, message):
    spoil(cache, name, value)
    with pytest.raises(AnnotationError, match=message):
        read_features(cache)


def test_a_missing_or_damaged_file_is_named(cache):
    (cache / "val_f.pt").write_bytes(b"not a tensor")
    with pytest.raises(AnnotationError, match=r"val_f\.pt is no file of tensors .*; save it with torch\.save"):
        read_features(cache)
    (cache / "val_f.pt").unlink()
    with pytest.raises(FileNotFoundError, match=r"val_f\.pt is missing"):
        read_features(cache)
    with pytest.raises(FileNotFoundError, match="parameter data_root: there is no folder nowhere"):
        read_features("nowhere")
    (cache / "empty").mkdir()
    with pytest.raises(AnnotationError, match=r"holds neither .* nor a cache"):
        read_features(cache / "empty")


class Malicious:
    def __reduce__(self):
        return print, ("executed",)


def test_nothing_is_unpickled(cache, capsys):
    spoil(cache, "test_f.pt", Malicious())
    with pytest.raises(AnnotationError, match=r"test_f\.pt is no file of tensors"):
        read_features(cache)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("id,name\n0,a\n1,b\n", "ids must be 0 to 2"),
        ("id,name\n0,a\n1,a\n2,b\n", "a name of its own"),
        ("a,b\nx,y\n", "not a table"),
    ],
)
def test_a_wrong_table_of_names_is_named(cache, table, message):
    (cache / "names.csv").write_text(table)
    with pytest.raises(AnnotationError, match=message):
        read_features(cache)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (unit(3, 3, 5), "text rows are 5 numbers wide, the embeddings 6; take the text tower of their CLIP"),
        ({"class_id": torch.tensor([0, 3]), "text": unit(2)}, "labels run from 0 to 3, of 3 classes"),
        ({"class_id": torch.tensor([1, 1]), "text": unit(2)}, "class_id holds a class twice"),
        ({"class": torch.tensor([1])}, "neither a tensor"),
    ],
)
def test_wrong_text_rows_are_named(tmp_path, value, message):
    torch.save(value, tmp_path / "text.pt")
    with pytest.raises(AnnotationError, match=message):
        text_rows(tmp_path / "text.pt", tuple(NAMES), DIM)


def test_the_own_form_comes_back_whole(tmp_path, cache):
    features = read_features(cache)
    known = {split: replace(getattr(features, split), before=unit(len(getattr(features, split)), 7, 8))
             for split in ("train", "val", "test")}  # fmt: skip
    whole = replace(features, **known, text=unit(3, 4), projection=Projection(unit(6, 5, 8), torch.ones(6)), notes=())
    save_features(tmp_path / "own", whole)
    again = read_features(tmp_path / "own")
    assert again.fingerprint() == whole.fingerprint() != features.fingerprint()
    assert (again.classes, again.source, again.test.names) == (whole.classes, whole.source, whole.test.names)
    assert torch.equal(again.projection.weight, unit(6, 5, 8)) and torch.equal(again.train.before, unit(12, 7, 8))


def test_nothing_needs_to_be_held_out(tmp_path):
    rows = Embeddings(unit(2), torch.tensor([0, 1]), ("a", "b"))
    nothing = Embeddings(torch.zeros(0, rows.rows.shape[1]), torch.zeros(0, dtype=torch.int64), ())
    save_features(tmp_path, Features(("x", "y"), rows, nothing, nothing))
    again = read_features(tmp_path)
    assert (len(again.train), len(again.val), len(again.test)) == (2, 0, 0)


def test_damage_of_the_own_form_is_named(tmp_path, cache):
    path = save_features(tmp_path / "own", read_features(cache))
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"x" * 100):
        path.write_bytes(damaged)
        with pytest.raises(AnnotationError, match="is no file of features"):
            read_features(tmp_path / "own")


def test_labels_of_the_own_form_are_checked(tmp_path):
    rows = Embeddings(unit(2), torch.tensor([0, 5]), ("a", "b"))
    save_features(tmp_path, Features(("x", "y"), rows, rows, rows))
    with pytest.raises(AnnotationError, match=r"features\.safetensors: labels run from 0 to 5, of 2 classes"):
        read_features(tmp_path)


def test_other_notebooks_say_that_there_are_no_videos(cache):
    with pytest.raises(AnnotationError, match="a cache of features, which holds no videos; 10_frozen_encoder"):
        listed_videos({"dataset": "features", "fold": 1}, cache, "train")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text", "text holds values that are not finite"),
        ("train before", "train before holds values that are not finite"),
        ("projection weight", "projection weight holds values that are not finite"),
        ("test rows", "test rows holds rows that are zero or not finite"),
        ("logit_scale", "logit_scale holds values that are not finite"),
        ("narrow text", r"text is \(3, 4\), not \(3, 6\); save it again"),
        ("fewer texts", r"text is \(2, 6\), not \(3, 6\); save it again"),
    ],
)
def test_embeddings_of_our_own_that_are_not_finite_or_do_not_fit_are_named(cache, tmp_path, name, said):
    features = read_features(cache)
    features = replace(features, text=unit(3), train=replace(features.train, before=unit(12, 3, 8)))
    path = save_features(tmp_path / "own", replace(features, projection=Projection(torch.randn(DIM, 8))))
    with safetensors.safe_open(path, "pt") as file:
        tensors, about = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()["features"]  # noqa: SIM118
    if name == "logit_scale":
        about = json.dumps(json.loads(about) | {"logit_scale": float("inf")})
    elif name == "narrow text":
        tensors["text"] = unit(3, 0, 4)
    elif name == "fewer texts":
        tensors["text"] = unit(2)
    else:
        tensors[name].view(-1)[2] = torch.nan
    save_file(tensors, path, {"features": about})
    with pytest.raises(AnnotationError, match=rf"features\.safetensors: {said}"):
        read_features(path.parent)


@pytest.mark.parametrize("form", ["tensor", "some", "by name"])
def test_rows_of_text_that_are_not_finite_are_named(cache, tmp_path, form):
    rows = unit(3)
    if form == "by name":
        save_class_embeddings(tmp_path / "text.safetensors", NAMES, rows, "x", "{}")
        rows[1, 2] = torch.inf
        save_file({"embeddings": rows}, tmp_path / "text.safetensors", {"names": json.dumps(NAMES)})
    else:
        rows[1, 2] = torch.inf
        torch.save(rows if form == "tensor" else {"class_id": torch.arange(3), "text": rows}, tmp_path / "text.pt")
    [file] = tmp_path.glob("text.*")
    with pytest.raises(AnnotationError, match=rf"{file.name}: .*not finite"):
        read_features(cache, file)
