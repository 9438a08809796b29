"""Files are written whole or not at all; and why one was not loaded is said without advice on how to load it."""

import io
import pickle

import pytest
import torch

from text4vis_core.files import first_line, replacing, why_not_loaded


def test_the_old_file_stays_when_writing_fails(tmp_path):
    path = tmp_path / "folder" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [each.name for each in path.parent.iterdir()] == ["file.txt"]


def test_the_first_line_of_an_error():
    assert first_line(ValueError("\n one\ntwo")) == "one"
    assert first_line(KeyError()) == "KeyError"


class Trap:
    def __reduce__(self):
        return (print, ("trapped",))


def saved(content, **options) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (saved({"x": Trap()}), "it holds print, which is neither a tensor nor a plain value"),
        (pickle.dumps(Trap()), "it is damaged, or holds more than tensors and plain values"),
        (pickle.dumps({1: b"x" * 300}, protocol=5), "it is damaged, or holds more than tensors and plain values"),
        (b"no pickle at all", "it is damaged, or holds more than tensors and plain values"),
        (saved({"x": torch.ones(9)})[:-60], ""),
    ],
)
def test_why_a_file_of_tensors_was_not_loaded(content, reason):
    with pytest.raises(Exception) as error:  # torch has several kinds
        torch.load(io.BytesIO(content), weights_only=True)
    said = why_not_loaded(error.value)
    assert reason in said
    assert "\n" not in said
    assert "weights_only" not in said
    assert "it holds 1" not in said  # an operand of the pickle is no name
