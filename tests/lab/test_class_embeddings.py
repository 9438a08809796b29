"""Saved class embeddings: the rows of the names that are asked for, or one error that names the file and the class."""

import json

import pytest
import safetensors
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from text4vis_lab.class_embeddings import load_class_embeddings, save_class_embeddings

NAMES = ["apply lipstick", "hula hoop", "wall pushups"]
TEMPLATE = "a video of a person {}."


def rows(count=3, dim=4) -> torch.Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "new" / "classes.safetensors"
    save_class_embeddings(path, NAMES, rows(), "ViT-L-14:openai", TEMPLATE)
    return path


@given(st.lists(st.text(), min_size=1, unique=True), st.randoms(use_true_random=False))
def test_any_names_come_back_in_any_order(tmp_path_factory, names, random):
    path = tmp_path_factory.mktemp("classes") / "classes.safetensors"
    stored = rows(len(names))
    save_class_embeddings(path, names, stored, "a text tower", TEMPLATE)
    wanted = random.sample(names, k=random.randint(1, len(names)))
    assert torch.equal(load_class_embeddings(path, wanted), torch.stack([stored[names.index(name)] for name in wanted]))


def test_the_file_says_what_made_it(path):
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    assert metadata == {"names": json.dumps(NAMES), "source": "ViT-L-14:openai", "template": TEMPLATE}


def test_rows_of_a_text_tower_go_through_a_file(clip, tmp_path):
    made = clip.class_embeddings(NAMES)
    save_class_embeddings(tmp_path / "classes.safetensors", NAMES, made, clip.source, TEMPLATE)
    assert torch.equal(load_class_embeddings(tmp_path / "classes.safetensors", NAMES), made)


def test_a_file_that_cannot_be_replaced_stays_whole(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        save_class_embeddings(path, NAMES, -rows(), "another", TEMPLATE)
    monkeypatch.undo()
    assert torch.equal(load_class_embeddings(path, NAMES), rows())
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_class_that_is_missing_is_named(path):
    message = r"classes.safetensors lacks 2 of 3 classes: 'ApplyLipstick', 'HulaHoop'; it holds 3, such as 'apply lips"
    with pytest.raises(ValueError, match=message):
        load_class_embeddings(path, ["ApplyLipstick", "HulaHoop", "wall pushups"])


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"class-embedding file .*classes.pt does not exist"):
        load_class_embeddings(tmp_path / "classes.pt", NAMES)


def as_weights(path):
    safetensors.torch.save_file({"visual.proj": rows()}, path)


def other_names(path):
    safetensors.torch.save_file({"embeddings": rows()}, path, {"names": "apply lipstick"})


def no_names(path):
    safetensors.torch.save_file({"embeddings": rows()}, path)


def cut(path):
    path.write_bytes(path.read_bytes()[:-8])


def as_text(path):
    path.write_text("apply lipstick,0.1\n")


@pytest.mark.parametrize("spoil", [as_weights, other_names, no_names, cut, as_text])
def test_another_file(path, spoil):
    spoil(path)
    with pytest.raises(ValueError, match=r"classes.safetensors is not a file of class embeddings .*save_class_embed"):
        load_class_embeddings(path, NAMES)


@pytest.mark.parametrize("stored", [rows(2), rows()[0], rows().int(), rows()[None]])
def test_rows_that_are_not_one_for_each_name(path, stored):
    with pytest.raises(ValueError, match=r"classes.safetensors: embeddings are .* expected \(3 names, D\)"):
        save_class_embeddings(path, NAMES, stored, "a text tower", TEMPLATE)
    safetensors.torch.save_file({"embeddings": stored}, path, {"names": json.dumps(NAMES)})
    with pytest.raises(ValueError, match=r"classes.safetensors: embeddings are .* expected \(3 names, D\)"):
        load_class_embeddings(path, NAMES)


def test_a_row_that_is_not_finite(path):
    with pytest.raises(ValueError, match="not finite"):
        save_class_embeddings(path, NAMES, rows() / 0, "a text tower", TEMPLATE)


@pytest.mark.parametrize(
    ("names", "stored", "said"),
    [
        (["a", "b", "a"], rows(), "class names come twice: 'a'"),
        ([1, [2], 3], rows(), "its metadata 'names' is no list of class names"),
        ("abc", rows(), "its metadata 'names' is no list of class names"),
        (NAMES, rows()[[0, 1, 0]], f"embeddings of '{NAMES[0]}' and '{NAMES[2]}' are the same"),
        (NAMES, rows().double() * 1e300, "embeddings of .* are zero, or not finite"),
        (NAMES, rows().double() * 1e-300, "embeddings of .* are zero, or not finite"),
    ],
)
def test_rows_that_tell_no_classes_apart(path, names, stored, said):
    safetensors.torch.save_file({"embeddings": stored}, path, {"names": json.dumps(names)})
    with pytest.raises(ValueError, match=f"classes.safetensors: {said}"):
        load_class_embeddings(path, NAMES)


def test_a_name_that_comes_twice(path):
    with pytest.raises(ValueError, match="class names come twice: 'hula hoop'"):
        save_class_embeddings(path, ["hula hoop", "archery", "hula hoop"], rows(), "a text tower", TEMPLATE)
