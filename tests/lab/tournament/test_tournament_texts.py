"""What is embedded in the place of the class names."""

import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from text4vis_lab.miniature import ACTIONS
from text4vis_lab.sources import Source
from text4vis_lab.tournament import texts
from text4vis_lab.tournament.texts import SENTENCES, depends_on, embedded, read_descriptions, with_typo

NAMES = ["sitting down", "archery", "squat"]


@pytest.fixture
def source(clip, tmp_path) -> Source:
    return Source(clip=clip, template="a video of a person {}.", descriptions=str(tmp_path / "descriptions.json"))


def write(source: Source, content) -> None:
    with open(source.descriptions, "w") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))


def test_names_are_embedded_in_the_prompt(source, clip):
    expected = clip.class_embeddings(NAMES, source.template)
    for name in ("text", "shuffled", "rotated", "nearest simplex", "rotated simplex"):
        assert torch.equal(embedded(name, NAMES, source), expected)


def test_random_words_follow_each_name_and_are_the_same_for_all_classes(source):
    first, again, other = (SENTENCES["words"](NAMES, source, seed) for seed in (0, 0, 1))
    assert first == again != other
    ends = [[re.sub(rf"^a video of a person {name}, which has (.*)\.$", r"\1", text) for text in some]
            for name, some in zip(NAMES, first, strict=True)]  # fmt: skip
    assert ends[0] == ends[1] == ends[2]
    assert len(set(ends[0])) == texts.NUM_WAFFLES
    assert all(re.fullmatch(r"[a-z]+ [a-z]+", end) for end in ends[0])


def test_the_row_of_a_class_is_the_mean_of_its_embedded_sentences(source, clip):
    write(source, {"archery": ["a bow", "an arrow flies"], "squat": ["bent knees"], "unused": ["x"]})
    rows = embedded("descriptions", ["archery", "squat"], source)
    bow, arrow, knees = clip.class_embeddings(["a bow", "an arrow flies", "bent knees"], "{}")
    assert torch.allclose(rows, F.normalize(torch.stack([bow + arrow, knees]), dim=-1), atol=1e-5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "descriptions.json is no file of descriptions .*No such file.*: give one, JSON"),
        ("{", "descriptions.json is no file of descriptions .*: give one, JSON"),
        ([1], "descriptions.json: class 'archery' has no list of sentences; add \"archery\""),
        ({"archery": "a bow"}, "class 'archery' has no list of sentences"),
        ({"archery": ["a bow"], "squat": []}, "class 'squat' has no list of sentences"),
        ({"archery": ["a bow"], "squat": ["knees", 3]}, "class 'squat' has no list of sentences"),
        ({"archery": ["a bow"], "squat": ["knees", " "]}, "class 'squat' has no list of sentences"),
    ],
)
def test_what_is_wrong_with_a_file_of_descriptions_is_said(source, content, message):
    if content is not None:
        write(source, content)
    with pytest.raises(ValueError, match=message):
        embedded("descriptions", ["archery", "squat"], source)


def test_the_projects_own_descriptions_cover_the_miniature():
    found = read_descriptions(Source.descriptions, list(ACTIONS))
    assert min(map(len, found)) >= 3
    assert len({text for some in found for text in some}) == sum(map(len, found))


def test_paraphrases_are_those_of_the_actions_or_of_a_file(source):
    sentences = SENTENCES["paraphrases"](["archery", "riding a bike"], source, 0)
    assert sentences[0] == ["a video of a person shooting an arrow.", "a video of a person drawing a bow."]
    assert sentences[1][1] == "a video of a person pedalling a bicycle."
    with pytest.raises(ValueError, match=r"paraphrases is empty, and .* no action 'surfing': give a file"):
        SENTENCES["paraphrases"](["surfing"], source, 0)
    write(source, {"surfing": ["riding a wave"]})
    given = replace(source, paraphrases=source.descriptions)
    assert SENTENCES["paraphrases"](["surfing"], given, 0) == [["a video of a person riding a wave."]]


def test_a_typo_changes_every_name_by_one_slip_of_the_seed(source):
    first, again, other = (SENTENCES["typos"](list(ACTIONS), source, seed) for seed in (0, 0, 1))
    assert first == again != other
    for name in ACTIONS:
        for seed in range(20):
            wrong = with_typo(name, np.random.default_rng(seed))
            assert wrong != name
            kept, there = Counter(name), Counter(wrong)
            assert sum(((kept - there) + (there - kept)).values()) <= 1
    assert with_typo("a b", np.random.default_rng(0)) == "a b"


def test_texts_need_a_text_tower(source, tmp_path):
    without = replace(source, clip=None, checkpoint="x.pt", class_embeddings="y.safetensors")
    with pytest.raises(ValueError, match="model is empty: initialisation 'typos' needs its text tower"):
        embedded("typos", NAMES, without)


def test_a_changed_file_is_another_dependency(source):
    write(source, {"archery": ["a bow"]})
    before = depends_on("descriptions", source)
    write(source, {"archery": ["an arrow"]})
    assert before and before != depends_on("descriptions", source)
    assert depends_on("text", source) == depends_on("paraphrases", source) == ""


def test_another_clips_rows_are_its_own(source, clip, clip_folder):
    rows = embedded("other clip", NAMES, replace(source, other_clip=str(clip_folder)))
    assert torch.allclose(rows, clip.class_embeddings(NAMES, source.template), atol=1e-6)


def test_a_language_model_that_is_not_here_is_left_out_or_said(source, monkeypatch):
    monkeypatch.setattr(texts, "find_spec", lambda name: None)
    assert "pip install 'text4vis-lab[language]'" in texts.unavailable("language model", source)
    assert texts.unavailable("language model", replace(source, language_model="x")) == ""
    assert texts.unavailable("text", source) == ""
    with pytest.raises(ValueError, match=r"language.model.*text4vis-lab\[language\]"):
        embedded("language model", NAMES, source)


def test_a_language_model_gives_unit_rows_of_its_own_width(source):
    pytest.importorskip("sentence_transformers")
    if texts.unavailable("language model", source):
        pytest.skip("the packaged model is not installed")
    rows = embedded("language model", ["playing violin", "playing guitar", "squat"], source)
    assert rows.shape == (3, 384)
    assert torch.allclose(rows.norm(dim=1), torch.ones(3), atol=1e-5)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]  # what is alike lies closer
