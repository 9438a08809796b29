"""Chapters of the book, made of small notebooks that ran."""

import base64
import json

import pytest
from test_book import CODE, NOTEBOOK, build, finish, load, parts  # noqa: F401 - a fixture

from text4vis_lab.book import contents
from text4vis_lab.book.comparison import comparison
from text4vis_lab.book.landing import sentence
from text4vis_lab.suites import SuiteError, read_suite

PNG = b"\x89PNG of a figure"
ABOUT = {"caption": "Text is *ahead*.", "alt": "Two points; that of text lies higher.", "csv": "figures/ahead.csv"}


def output(text: str, stream: str = "stdout") -> dict:
    return {"output_type": "stream", "name": stream, "text": text}


def display(data: dict, about: dict | None = None) -> dict:
    return {"output_type": "display_data", "data": data, "metadata": {"text4vis": about} if about else {}}


def cell(source: str, *outputs: dict, tags: tuple[str, ...] = ()) -> dict:
    return CODE | {"source": source, "outputs": [*outputs], "metadata": {"tags": [*tags]}}


@pytest.fixture
def page(build):  # noqa: F811
    """From cells to the chapter that is made of them, and to all pages."""

    def make(*cells: dict) -> tuple[list[dict], dict[str, bytes]]:
        run = read_suite("experiments/mine.yaml").runs[0]
        if not run.directory.exists():
            finish(run, when=100)
        (run.directory / "figures").mkdir(exist_ok=True)
        for name in ("ahead.csv", "ahead.json"):
            (run.directory / "figures" / name).write_text("a,b\n")
        run.executed.write_text(json.dumps(NOTEBOOK | {"cells": [*NOTEBOOK["cells"][:1], *cells]}))
        pages = build.collect(read_suite("experiments/mine.yaml"))
        return json.loads(pages["runs/a.ipynb"])["cells"], pages

    return make


def shown(cells: list[dict]) -> list[str]:
    """What a reader meets, in order: headings, code, and what code put out."""
    found = []
    for each in cells:
        found += ["".join(each["source"])] if "remove-input" not in each["metadata"].get("tags", []) else []
        found += ["".join(out.get("text", "")) for out in each.get("outputs", [])]
    return found


def test_what_was_found_comes_right_below_the_question(page):
    cells, _ = page(
        cell("method", output("a table")),
        cell("draw", output("figure"), tags=("lead",)),
        cell("read", output("paragraph"), tags=("reading",)),
        cell("settings", output("seeds"), tags=("settings",)),
        cell("answer", output("It does."), tags=("answer",)),
    )
    *first, remake = shown(cells)
    found = [
        "# The *bench*",
        "It does.",
        "figure",
        "paragraph",
        "method",
        "a table",
        "What this code found stands at the top of the page.",
        "draw\n\nread\n\nsettings\n\nanswer",
    ]
    assert first == [*found, "## Settings of this run", "seeds"]
    assert "papermill notebooks/train.ipynb runs/mine/a/train.ipynb" in remake
    tags = [each["metadata"]["tags"] for each in cells if each["cell_type"] == "code"]
    assert tags[0] == ["answer", "remove-input"] and all(
        "hide-input" in each or "remove-input" in each for each in tags
    )


def test_a_notebook_without_tags_keeps_its_order(page):
    cells, _ = page(cell("one", output("1")), cell("two", output("2")))
    assert shown(cells)[:-1] == ["# The *bench*", "one", "1", "two", "2"]


def test_every_code_cell_is_folded_and_what_was_given_is_left_out(page):
    injected = cell("lr = 1", tags=("injected-parameters",))
    cells, _ = page(cell("lr = 0", tags=("parameters",)), injected, cell("open", tags=("hide-input",)), cell("go"))
    code = [each["metadata"] for each in cells if each["cell_type"] == "code"]
    assert [about["mystnb"]["code_prompt_show"] for about in code] == ["Show parameters", "Show setup", "Show code"]
    assert all("hide-input" in about["tags"] for about in code)


def test_a_figure_has_caption_words_data_and_the_command_that_draws_it(page):
    spec = {"mark": "point", "title": "</script>"}
    data = {"image/png": base64.b64encode(PNG).decode(), "application/vnd.vegalite.v5+json": spec, "text/plain": "…"}
    cells, pages = page(cell("draw", display(data, ABOUT), tags=("lead",)))
    assert cells[1]["source"].splitlines() == [
        ":::{chart}",
        f":alt: {ABOUT['alt']}",
        ":light: a-ahead.light.png",
        ":csv: a-ahead.csv",
        ":again: .venv/bin/python -m text4vis_lab.figures runs/mine/a/figures/ahead.json",
        ":spec: a-ahead.vl.json",
        "",
        ABOUT["caption"],
        ":::",
    ]
    assert pages["runs/a-ahead.light.png"] == PNG and pages["runs/a-ahead.csv"] == b"a,b\n"
    assert json.loads(pages["runs/a-ahead.vl.json"]) == spec | {"width": "container"}


def test_a_figure_that_says_nothing_of_itself_is_told_from_others(page):
    data = {"image/png": base64.b64encode(PNG).decode()}
    cells, pages = page(cell("draw", display(data), display(data, {"csv": "../../../secret.csv"})))
    assert [each["source"].splitlines()[1] for each in cells[2:4]] == [
        f":alt: Figure {number} of the chapter The *bench*, without a description." for number in (1, 2)
    ]
    assert not [name for name in pages if name.endswith("secret.csv")]


def test_nothing_empty_no_widget_and_no_warning_stands_on_a_page(page):
    widget = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "HBox()"}
    cells, _ = page(
        cell("go", output("\n"), display(widget), output("a.py:1: UserWarning: old\n", "stderr"), output("1%\r2%\n"))
    )
    assert shown(cells)[1:3] == ["go", "2%\n"]
    assert "UserWarning" in cells[-1]["source"] and "dropdown" in cells[-1]["source"]


def test_chapters_have_the_titles_and_parts_of_the_suite(build, tmp_path):  # noqa: F811
    suite = tmp_path / "experiments" / "two.yaml"
    suite.write_text(
        "runs:\n- {name: a, notebook: train, title: First, part: Found}\n- {name: b, notebook: train}\n"
        "- {name: c, notebook: train, part: Found}\n"
    )
    pages = build.collect(read_suite("experiments/two.yaml"))
    assert [*parts(pages)][:2] == ["Found", "Experiments"]
    assert [chapter["title"] for chapter in parts(pages)["Found"]] == ["First", "The *bench* (c)"]
    assert pages["runs/a.md"].startswith(b"# First\n")
    assert json.loads(pages["_sources.json"])["runs/a"] == "notebooks/train.ipynb"
    index = pages["index.md"].decode()
    assert all(f"](runs/{name}.md)" in index for name in "abc")
    suite.write_text("runs: [{name: a, notebook: train, title: [x]}]")
    with pytest.raises(SuiteError, match=r"two\.yaml: run 'a': title must be one line of text, not \['x'\]"):
        read_suite("experiments/two.yaml")


def test_a_book_of_ones_own_videos_has_a_landing_page_of_its_own(build):  # noqa: F811
    suite = read_suite("experiments/mine.yaml")
    assert "On real CLIP" not in build.collect(suite)["index.md"].decode()
    for run in suite.runs:
        run.parameters["dataset"] = "own"
    pages = build.collect(suite)
    assert pages["index.md"].startswith(b"# What was found in your videos") and "own.md" not in pages
    assert all(f"](runs/{run.name}." in pages["index.md"].decode() for run in suite.runs)


def test_the_miniature_has_a_title_and_a_part_for_every_run():
    runs = read_suite(load.__globals__["ROOT"] / "experiments" / "miniature.yaml").runs
    assert all(run.title and run.part for run in runs)
    titles = contents.titles(runs)
    assert len(set(titles.values())) == len(titles) and not any("(" in title for title in titles.values())


def test_the_landing_page_has_one_sentence_of_the_headline_comparison():
    def verdict(word: str, shots: str, mean: float, dataset: str = "puppets") -> dict:
        return {"id": "few shots", "verdict": word, "shots": shots, "mean": mean, "dataset": dataset}

    told = sentence([verdict("fails", "4 videos", -1.25), verdict("holds", "1 video", 18.6)])
    assert "on generated videos ahead with 1 video (+18.6 points), not ahead with 4 videos (−1.2 points)." in told
    real = [verdict("holds", "1 image", 9, "features"), verdict("holds", "2 images", 4, "features")]
    assert ": on real CLIP embeddings ahead with 1 and 2 images (+9.0 and +4.0 points)." in sentence(real)
    assert sentence([]) == ""


def test_the_headline_comparison_is_of_text_the_best_without_and_zero_shot_alone():
    def row(method: str, top1: float, shots: int | None, test: str = "test") -> dict:
        about = {"cell": f"{method}-{shots}", "test": test, "view": "1 view", "method": method, "shots": shots}
        return about | {"seed": None if shots is None else 0, "classes": 2, "videos": 4, "top1": top1}

    rows = [row("text, frozen", 90, 1), row("linear", 60, 1), row("linear", 70, 4), row("lda, frozen", 50, 1)]
    rows += [row("zero-shot", 40, None), row("text, frozen", 10, 1, "novel")]
    record = {"rows": rows, "parameters": {}, "path": "gone/result.json"}
    verdict = {"id": "few shots", "run": "few", "shots": "1 video", "comparator": "linear"}
    other = verdict | {"id": "zero-shot"}
    table = comparison([verdict, other, verdict | {"run": "of another suite"}], {"few": record})
    assert table[["where", "method", "role", "mean", "run"]].values.tolist() == [
        ["Generated videos, 1 video per class", "text, frozen", "text", 90, "few"],
        ["Generated videos, 1 video per class", "linear", "text-free", 60, "few"],
        ["Generated videos, 1 video per class", "zero-shot", "zero-shot", 40, "few"],
    ]
    assert comparison([], {}).empty
