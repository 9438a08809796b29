"""A figure on a page: its files, its metadata, its dark colours, and that it is drawn again from its data."""

import base64
import io
import json
import random
import re
import subprocess
import sys

import altair as alt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from matplotlib.colors import to_hex
from PIL import Image
from test_figures import OF_TABLES, VIDEO, in_style  # noqa: F401, a fixture

from text4vis_core.files import file_digest
from text4vis_lab import figures
from text4vis_lab.figures import __main__ as command
from text4vis_lab.figures import showing, themes
from text4vis_lab.figures.gallery import Gallery

TEXTS = ("Each class has videos.", "Bars: 5 videos of archery.")
BARS = (figures.videos_per_class, *OF_TABLES["videos_per_class"][0])
CONTRASTS = (figures.contrasts, *OF_TABLES["contrasts"][1])


def shown(folder, draw, table, options, name="some"):
    return showing.show(draw, table, name, TEXTS, {"title": "t"} | options, folder)


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_a_chart_leaves_its_data_its_pictures_and_what_was_asked(tmp_path):
    data, metadata = shown(tmp_path, *CONTRASTS)._repr_mimebundle_()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["some.csv", "some.dark.png", "some.json", "some.png"]
    assert set(data) == {showing.MIME, "image/png", "text/plain"}
    assert data["text/plain"] == " ".join(TEXTS)
    assert metadata["text4vis"] == {
        "draw": "contrasts",
        "options": {"title": "t"},
        "caption": TEXTS[0],
        "alt": TEXTS[1],
        "name": "some",
        "csv": "figures/some.csv",
        "json": "figures/some.json",
        "light": "figures/some.png",
        "dark": "figures/some.dark.png",
        "again": f"{tmp_path.as_posix()}/some.json",
    }
    assert base64.b64decode(data["image/png"]) == (tmp_path / "some.png").read_bytes()
    assert len(data["image/png"]) < 60_000
    light, dark = pixels(tmp_path / "some.png"), pixels(tmp_path / "some.dark.png")
    assert light.shape == dark.shape and light.shape[1] == 2 * showing.WIDTH
    assert light[0, 0].tolist() == [255] * 3 and dark[0, 0].tolist() == [0x14, 0x18, 0x1E]
    spec = data[showing.MIME]
    assert (spec["description"], "$schema" in spec) == (TEXTS[1], False)
    asked = showing.FIGURES.read(tmp_path / "some.json")
    assert (asked["draw"], [*asked["files"]]) == ("contrasts", ["some.csv", "some.png", "some.dark.png"])


def test_a_picture_has_no_table_and_may_have_one_for_phones(tmp_path):
    figure, phone = (figures.frame_strips({"a": VIDEO}, frames) for frames in (4, 2))
    _, metadata = showing.picture(figure, "frames", TEXTS, tmp_path, phone)._repr_mimebundle_()
    told = metadata["text4vis"]
    assert (told["csv"], told["draw"]) == (None, None)
    for key in ("light", "dark", "phone", "phone_dark", "json"):
        assert (tmp_path / told[key].removeprefix("figures/")).exists()
    assert plt.get_fignums() == []


def test_in_the_dark_letters_are_light_and_pictures_stay():
    figure = figures.the_idea(VIDEO[:2], ["a", "b"], np.eye(2), np.eye(2), np.eye(2))
    before = [image.get_array().copy() for axes in figure.axes for image in axes.images]
    themes.darken(figure)
    words = {to_hex(text.get_color()).upper() for axes in figure.axes for text in axes.texts}
    assert themes.INK not in words and themes.SWAPS[themes.INK] in words
    assert to_hex(figure.get_facecolor()).upper() == themes.SWAPS[themes.PAPER]
    after = [image.get_array() for axes in figure.axes for image in axes.images]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_in_the_dark_no_colour_of_light_is_left():
    spec = showing.spec_of(figures.league(*[OF_TABLES["league"][0][0]], title="t"))
    dark = json.dumps(themes.dark(spec))
    assert not set(themes.SWAPS) & set(re.findall("#[0-9A-F]{6}", dark)) and "#" in dark
    assert themes.dark(spec)["datasets"] == spec["datasets"]


@pytest.mark.parametrize(
    ("name", "texts", "options", "told"),
    [
        ("a/b", TEXTS, {}, "made of letters"),
        ("", TEXTS, {}, "made of letters"),
        ("a", ("", "x"), {}, "no caption"),
        ("a", ("x", " "), {}, "no alternative text"),
        ("a", TEXTS, {"x": ("a", "b")}, "plain values"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_written(tmp_path, name, texts, options, told):
    with pytest.raises(ValueError, match=told):
        showing.show(figures.contrasts, CONTRASTS[1], name, texts, options, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()


def test_three_figures_chosen_by_a_seed_are_the_same_when_they_are_drawn_again(tmp_path):
    for name in random.Random(12).sample(sorted(figures.OF_TABLES), 3):
        table, options = OF_TABLES[name][0]
        options = options if name == "top_classes" else {"title": "t"} | options
        first = figures.OF_TABLES[name](table, **options)
        showing.show(figures.OF_TABLES[name], table, name, TEXTS, options, tmp_path)
        drawn, alt_text = command.again(tmp_path / f"{name}.json")
        if isinstance(drawn, alt.TopLevelMixin):
            assert showing.spec_of(drawn, alt_text) == showing.spec_of(first, TEXTS[1])
        elif isinstance(drawn, Gallery):
            assert drawn.html == first.html
        else:
            again = showing.pictures(drawn, tmp_path / "again")
            assert again == (tmp_path / f"{name}.png").read_bytes()


def test_a_figure_is_drawn_from_its_table_as_the_file_holds_it(tmp_path):
    seen = []

    def bars(table):
        seen.append(table)
        return figures.contrasts(CONTRASTS[1], title="t")

    names = ["NA", "None", "", "a,b", 'say "no"', "two\nlines", "caf\u00e9 \u200d"]
    numbers = [0.1 + 0.2, 1 / 3, 1e-300, 33.33333333333333, 7.0, float("nan"), 2 / 3]
    table = pd.DataFrame({"name": names, "mean": numbers, "kept": [True, False] * 3 + [True], "seed": range(7)})
    showing.show(bars, table, "some", TEXTS, {}, tmp_path)
    read = showing.table_in((tmp_path / "some.csv").read_text())
    pd.testing.assert_frame_equal(read, seen[0], check_exact=True)
    assert read["name"].fillna("").tolist() == names
    pd.testing.assert_frame_equal(read.drop(columns="name"), table.drop(columns="name"), check_exact=True)


@pytest.mark.slow
def test_another_process_draws_the_same_chart(tmp_path):
    table, options = OF_TABLES["confusion"][0]
    shown(tmp_path, figures.confusion, table, options)
    told = "import sys; from pathlib import Path; from text4vis_lab.figures import __main__ as m, showing; "
    told += "print(showing.digest_of(*m.again(Path(sys.argv[1]))))"
    command_line = [sys.executable, "-c", told, str(tmp_path / "some.json")]
    done = subprocess.run(command_line, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == showing.FIGURES.read(tmp_path / "some.json")["drawn"]


@pytest.mark.parametrize("name", ["some.csv", "some.json"])
def test_a_table_or_a_question_that_was_changed_is_not_drawn(tmp_path, capsys, name):
    shown(tmp_path, *CONTRASTS)
    path, before = tmp_path / name, (tmp_path / "some.png").read_bytes()
    path.write_text(path.read_text().replace("1", "2", 1).replace('"t"', '"u"', 1))
    assert command.main([str(tmp_path / "some.json")]) == 1
    assert f"{path} is not " in capsys.readouterr().err
    assert (tmp_path / "some.png").read_bytes() == before


def test_a_figure_is_drawn_again_by_a_command(tmp_path, capsys):
    shown(tmp_path, *BARS)
    before = (tmp_path / "some.png").read_bytes()
    assert command.main([str(tmp_path / "some.json"), "--out", str(tmp_path / "other.png")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'other.png'}\n"
    assert (tmp_path / "other.png").read_bytes() == before
    chart = figures.contrasts(CONTRASTS[1], title="t")
    assert "<svg" in command.write(chart, "seen", tmp_path / "some.svg").read_text()
    assert command.main([str(tmp_path / "some.json"), "--out", str(tmp_path / "x.pdf")]) == 1
    assert "is written as .png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"draw": "os.system", "options": {}, "alt": ""}, "field draw is 'os.system', not one of headline, league"),
        ({"draw": "use_style", "options": {}, "alt": ""}, "field draw is 'use_style'"),
        ({"draw": None, "options": {}, "alt": ""}, "is of a picture, not of a table"),
        ({"draw": "bars", "options": {"colour": 1}, "alt": ""}, "field options does not fit bars"),
        ({"draw": "bars", "files": {}}, "some.csv is not the table that its figure was drawn from"),
        ({"draw": "bars", "alt": 3}, "some.json is not a figure (field 'alt': "),
        ("no JSON", "some.json is not a figure ("),
    ],
)
def test_a_file_that_holds_no_figure_is_named(tmp_path, capsys, asked, told):
    path = tmp_path / "some.json"
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "some.csv")
    known = {"options": {}, "caption": "", "alt": "", "drawn": None}
    known |= {"files": {"some.csv": file_digest(tmp_path / "some.csv")}}
    if isinstance(asked, str):
        path.write_text(asked)
    else:
        showing.FIGURES.write(path, known | asked)
    assert command.main([str(path)]) == 1
    assert told in capsys.readouterr().err


def test_a_poster_is_a_small_picture():
    uri = figures.poster(np.kron(VIDEO[0], np.ones((20, 20, 1), dtype=np.uint8)), width=64)
    picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert uri.startswith("data:image/webp;base64,") and picture.size == (64, 48) and len(uri) < 8_000
