"""Two runs side by side: which numbers and videos are the same, how far apart, and what is said of it."""

import json

import numpy as np
import pytest
from made_runs import made_run

from text4vis_lab.compare import compare
from text4vis_lab.compare.matching import matched
from text4vis_lab.compare.measuring import gap, mcnemar
from text4vis_lab.compare.pair import partners
from text4vis_lab.compare.telling import as_values, causes, numbers, sentence
from text4vis_lab.scores import Ranks, write_ranks

ROW = {"test": "test", "view": "1 view", "method": "text, frozen"}


@pytest.mark.parametrize(
    ("here", "there", "pairs"),
    [
        ([{"seed": 0}, {"seed": 1}], [{"seed": 1}, {"seed": 0}], [(0, 1), (1, 0)]),
        ([{"seed": 0}], [{"seed": 1}], [(0, 0)]),
        ([{"seed": 0}, {"seed": 1}], [{"seed": 2}, {"seed": 3}], []),
        ([{"template": "{}"}, {"template": "a {}"}], [{"template": "a {}"}], [(1, 0)]),
        ([{"fold": 1, "half": None}, {"fold": 1, "half": 0}], [{}], [(0, 0)]),
        ([{"half": 0}], [{}], [(0, 0)]),
        ([{"shots": 1}, {"shots": 4}], [{"shots": 4}, {"shots": 16}], [(1, 0)]),
        ([{"method": "linear"}], [{"method": "text, frozen"}], [(0, 0)]),
        ([{"view": "1 view"}, {"view": "1 x 3 views"}], [{"view": "1 view"}], [(0, 0)]),
    ],
)
def test_rows_are_matched_by_what_tells_them_apart(here, there, pairs):
    found, mine, its = matched([ROW | row for row in here], [ROW | row for row in there])
    assert found == pairs
    assert sorted([*mine, *(i for i, _ in pairs)]) == [*range(len(here))]
    assert sorted([*its, *(j for _, j in pairs)]) == [*range(len(there))]


def test_a_video_is_the_same_under_another_root_and_as_frames():
    here = ["/a/ucf/Archery/v_1.avi", "/a/ucf/Archery/v_2.avi", "/a/ucf/Biking/v_1.avi"]
    assert partners(here, here) == dict(zip(here, here, strict=True))
    there = ["/b/x/Archery/v_1", "/b/x/Biking/v_1", "/b/x/Biking/v_3"]
    assert partners(here, there) == {there[0]: here[0], there[1]: here[2]}
    assert partners(["a/x.mp4", "b/x.mp4"], ["c/x.mp4"]) == {}
    assert partners(["a/x.mp4#t=0,5"], ["b/x.mp4#t=0,5", "b/x.mp4#t=5,9"]) == {"b/x.mp4#t=0,5": "a/x.mp4#t=0,5"}


def test_a_video_is_the_same_under_another_name_by_its_content(tmp_path):
    here, there = made_run(), made_run()
    there.logits = np.roll(there.logits, 1, axis=0)
    whole = compare(here.write(tmp_path / "s" / "here"), there.write(tmp_path / "s" / "there"))
    assert not any("content" in note for note in whole.notes)
    here.content = {video: f"{number:064d}" for number, video in enumerate(here.videos)}
    names = {v: v if number < 10 else f"/else/{number}.mp4" for number, v in enumerate(there.videos)}
    there.content = {names[video]: content for video, content in here.content.items()}
    there.videos = [*names.values()]
    found = compare(here.write(tmp_path / "s" / "one"), there.write(tmp_path / "s" / "other"))
    assert found.notes == ["86 videos have other names and the same content."]
    assert found.whole == whole.whole and found.sides["video"].tolist() == whole.sides["video"].tolist()
    assert [each.cause for each in found.findings] == [each.cause for each in whole.findings]
    # of two that hold the same it is not known which is which; of what could not be read, nothing
    for number, content in {20: "0" * 63 + "7", 21: "0" * 62 + "22", 23: ""}.items():
        there.content[there.videos[number]] = content
    found = compare(here.write(tmp_path / "s" / "one"), there.write(tmp_path / "s" / "other"))
    assert found.notes == ["82 videos have other names and the same content."] and found.numbers["videos"][0] == 92


def test_the_difference_is_paired_over_groups_or_by_mcnemar():
    one, other = made_run(0), made_run(0)
    other.logits = other.logits + np.random.default_rng(1).normal(size=other.logits.shape)
    parts = [made.scores() for made in (one, other)]
    grouped, alone = (gap(*parts, dataset, "top1") for dataset in ("puppets", "folders"))
    assert grouped.points == alone.points == pytest.approx(np.subtract(*(p.metrics()["top1"] for p in parts)))
    assert grouped.low < grouped.points < grouped.high and (grouped.over, alone.over) == ("12 groups", "96 videos")
    right = [part.right(1) for part in parts]
    assert alone.p == mcnemar(*right)
    # of 3 against 10 discordant pairs 2 * P(X <= 3), X ~ B(13, 1/2)
    assert mcnemar(np.array([1] * 3 + [0] * 10), np.array([0] * 3 + [1] * 10)) == pytest.approx(2 * 378 / 2**13)


def test_the_answer_is_one_sentence(tmp_path):
    right, wrong = made_run(), made_run()
    wrong.names, wrong.logits = wrong.names[::-1], wrong.logits[:, ::-1].copy()
    here, there = wrong.write(tmp_path / "s" / "here"), right.write(tmp_path / "s" / "there")
    found = compare(here, there)
    told = sentence(found)
    first = found.numbers.iloc[0]
    assert told.startswith(
        f"top-1 here {first['here']:.1f}, there {first['there']:.1f} ({-found.whole:.1f} points less"
    )
    assert "on 96 shared videos): label_order explains " in told and "not explained" not in told
    assert sentence(compare(there, there)).endswith("the same number on 96 shared videos, right on the same ones.")
    assert len(numbers(found)) == len(found.numbers) and causes(found)["cause"].tolist() == ["label_order"]
    json.dumps(as_values(found), allow_nan=False)


def test_of_other_classes_videos_have_no_other_labels(tmp_path):
    here, there = made_run(), made_run(1)
    there.names = [f"Other{number}" for number in range(len(there.names))]
    found = compare(here.write(tmp_path / "s" / "here"), there.write(tmp_path / "s" / "there"))
    assert [each.cause for each in found.findings] == ["classes"]


def test_sides_that_changed_are_told_with_what_was_answered(tmp_path):
    right, wrong = made_run(), made_run()
    wrong.logits = wrong.logits.copy()
    is_right = right.scores().right(1)
    first, second = np.flatnonzero(is_right)[:2]
    for index in (first, second):
        wrong.logits[index] = -np.arange(len(wrong.names)) if wrong.labels[index] else np.arange(len(wrong.names))
    found = compare(wrong.write(tmp_path / "s" / "here"), right.write(tmp_path / "s" / "there"))
    assert found.sides["video"].tolist() == [wrong.videos[first], wrong.videos[second]]
    row = found.sides.iloc[0]
    name = wrong.names[wrong.labels[first]]
    assert row["label"] == row["there"] == name != row["here"]
    assert (row["rank_there"], row["rank_here"] > 1) == (1, True)


def test_the_number_that_differs_most_is_explained_or_the_one_that_is_named(tmp_path):
    folders = []
    for name, lr in (("here", 0.5), ("there", 0.1)):
        run = made_run()
        run.more = [({"cell": "text", "method": "text, frozen", "seed": 0, "trained_parameters": 9}, name == "here")]
        run.parameters["lr"] = lr
        folders.append(run.write(tmp_path / "s" / name))
    found = compare(*folders)
    assert found.numbers["method"][0] == "text, frozen" and [each.cause for each in found.findings] == ["recipe"]
    named = compare(*folders, cell="zero-shot-test")
    assert named.numbers["method"][0] == "zero-shot" and named.findings == []


def test_a_further_template_of_a_run_is_the_one_that_is_told(tmp_path):
    """Prompts are kept of the run's own template."""
    folders = []
    for name, template in (("here", "{}"), ("there", "a {}")):
        run = made_run()
        run.more = [({"cell": "further", "template": template}, name == "here")]
        folders.append(run.write(tmp_path / "s" / name))
    found = compare(*folders, cell="further")
    assert [each.cause for each in found.findings] == ["template"]
    assert found.findings[0].what == "the prompt is '{}' here, 'a {}' there"


def test_ranks_alone_are_compared_too(tmp_path):
    folders = []
    for name, shift in (("here", 0), ("there", 1)):
        run = made_run()
        folder = run.write(tmp_path / "s" / name)
        part = run.scores()
        ranks = Ranks(part.videos, part.labels.numpy(), ((np.arange(96) + shift) % 5).astype(np.uint16))
        (folder / "scores" / "zero-shot-test.parquet").unlink()
        write_ranks(folder / "scores" / "ranks.parquet", {"zero-shot-test": ranks.ranks}, part.videos, part.labels)
        folders.append({**_record(folder), "rows": [_record(folder)["rows"][0] | ranks.metrics()], "files": None})
    found = compare(*folders)
    assert found.whole and len(found.sides) and found.sides["here"].unique().tolist() == [""]


def test_a_file_of_annotations_is_told_by_its_name(tmp_path):
    folders = []
    for name in ("here", "there"):
        run = made_run()
        read = {f"/{name}/classInd.txt": "a" * 64, f"/{name}/testlist01.txt": "ab"[name == "there"] * 64}
        run.data = {"annotations": read}
        folders.append(run.write(tmp_path / "s" / name))
    facts = compare(*folders).differences
    assert facts.loc[facts["kind"] == "data", ["what", "here", "there"]].to_numpy().tolist() == [
        ["testlist01.txt of test", "a" * 12, "b" * 12]
    ]


def _record(folder):
    from text4vis_lab.records import read_record

    return read_record(folder / "result.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("nobody", "there is no result.json in .*nobody; give the folder of a finished run"),
        ("method", "share no number: none is of one test, method, shots and seed in both; compare runs alike"),
        ("rows", "there.result.json has no number; give another run"),
        ("cell", "here.result.json has no cell 'own'; its cells: zero-shot-test"),
        ("its", "here.result.json has no cell 'its', .*there.result.json has: give that run first"),
        ("unpaired", "there.result.json has no number of the test, method, shots and seed of cell 'mine'"),
        (
            "videos",
            "there.result.json share no video, by name or by content; compare runs on one list",
        ),
        ("scores", r"zero-shot-test.parquet: the scores cannot be read \(there is no such file\); run the notebook"),
        ("metric", "have no map in common"),
    ],
)
def test_what_cannot_be_compared_is_said(change, words, tmp_path):
    here, other = made_run(), made_run()
    if change == "videos":
        other.videos = [f"/other/{number}.mp4" for number in range(len(other.videos))]
        other.content = dict.fromkeys(other.videos, "f" * 64)
    one, two = here.write(tmp_path / "s" / "here"), other.write(tmp_path / "s" / "there")
    records = [_record(one), _record(two)]
    if change == "method":
        records[1]["rows"] = [records[1]["rows"][0] | {"method": f"other {i}", "shots": i} for i in (1, 2)]
    if change == "rows":
        records[1]["rows"] = []
    if change == "its":
        records[1]["rows"] = [records[1]["rows"][0] | {"cell": "its"}]
    if change == "unpaired":
        records[0]["rows"].append(records[0]["rows"][0] | {"cell": "mine", "method": "mine"})
    if change == "scores":
        (one / "scores" / "zero-shot-test.parquet").unlink()
    if change == "nobody":
        records[1] = two.with_name("nobody")
    with pytest.raises((ValueError, OSError), match=words):
        cell = {"cell": "own", "its": "its", "unpaired": "mine"}.get(change, "")
        compare(*records, cell=cell, metric="map" if change == "metric" else "")
