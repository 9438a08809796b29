"""The command compare: one sentence first, within 80 columns; JSON, and a page on which text is text."""

import json

import pytest
from made_runs import made_run

from text4vis_lab.cli import main


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["compare", *words])
    assert ended.value.code == 0


@pytest.fixture
def folders(tmp_path):
    right, wrong = made_run(), made_run()
    name = "<b>bold</b>"
    for made in (right, wrong):
        made.names = [name, *made.names[1:]]
    wrong.names, wrong.logits = wrong.names[::-1], wrong.logits[:, ::-1].copy()
    return [str(made.write(tmp_path / "s" / where)) for made, where in ((wrong, "here"), (right, "there"))]


def test_the_answer_comes_first_and_fits_into_a_terminal(folders, capsys):
    run(*folders)
    shown = capsys.readouterr().out
    assert shown.startswith("top-1 here ") and "label_order" in " ".join(shown.split()).split(" Causes ")[0]
    assert max(map(len, shown.splitlines())) <= 80
    for title in ("Causes", "Numbers"):
        assert title in shown


def test_json_holds_all_of_it(folders, capsys):
    run(*folders, "--json", "--metric", "top5")
    found = json.loads(capsys.readouterr().out)
    assert found["answer"].startswith("top-5 here ") and [each["cause"] for each in found["findings"]] == [
        "label_order"
    ]
    assert found.keys() >= {"numbers", "findings", "rest", "differences", "others", "sides", "notes", "stale", "whole"}


def test_on_the_page_text_is_text(folders, tmp_path, capsys):
    run(*folders, "--page", str(tmp_path / "why.html"))
    page = (tmp_path / "why.html").read_text()
    assert "&lt;b&gt;bold&lt;/b&gt;" in page and "<b>bold" not in page
    assert "why.html" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["zs-ucf101", "{run}"], "zs-ucf101 is a published number; it comes second: text4vis compare RUN zs-ucf101"),
        (["zs-ucf101", "zs-hmdb51"], "zs-ucf101 is a published number; it comes second: text4vis compare RUN"),
        (["{run}", "{empty}"], "there is no run in {empty}; give its folder, which holds result.json"),
        (["{run}", "a/b"], "there is no run in a/b; give its folder, which holds result.json"),
        (["{run}", "zs-ucf"], "no published number is called 'zs-ucf'; the closest: zs-ucf101, "),
        (["{run}", "@@@@"], "no published number is called '@@@@'; choose an id of data/published_results.csv"),
        (["{run}", "zs-ucf101", "--metric", "map"], "metric is map, zs-ucf101 is top-1; leave metric out"),
    ],
)
def test_what_cannot_be_compared_is_said_with_what_to_give(folders, tmp_path, capsys, words, told):
    (tmp_path / "empty").mkdir()
    given = {"run": folders[0], "empty": str(tmp_path / "empty")}
    with pytest.raises(SystemExit) as ended:
        main(["compare", *(word.format(**given) for word in words)])
    said = " ".join(capsys.readouterr().err.split())
    assert ended.value.code == 1 and told.format(**given).replace("; ", " ") in said.replace("; ", " ")


def test_a_published_number_is_named_by_its_id(folders, tmp_path, capsys):
    run(folders[1], "zs-ucf101")
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith("These two numbers are not comparable: ") and "(template)" in shown and "--try" in shown
    assert "Known elsewhere, not measured here: points of top-1 on UCF101" in shown and "-11.6" in shown
    run(folders[1], "zs-ucf101", "--json", "--page", str(tmp_path / "why.html"))
    assert {each["data"] for each in json.loads(capsys.readouterr().out)["elsewhere"]} == {"UCF101"}
    assert "Known elsewhere, not measured here" in (tmp_path / "why.html").read_text()
