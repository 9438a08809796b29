"""Tables on a page: which columns come first, what is said once, how numbers are written, and that nothing is code."""

import numpy as np
import pandas as pd
import pytest
from names import NASTY

from text4vis_lab import tables
from text4vis_lab.plain import encodable

FRAME = pd.DataFrame(
    {
        "suite": "mini",
        "note": ["a", "b", "b"],
        "method": ["text", "random", None],
        "mean": [46.157, 6.5, None],
        "p": [5.1e-8, 0.5, 1.0],
        "n": [3, 12_345, 3],
    }
)


def test_names_come_first_then_numbers_then_the_rest_and_what_is_the_same_is_said_once():
    shown = tables.show(FRAME, "What was measured.", first=["method"])
    assert list(shown.frame) == ["method", "mean", "p", "n", "note"]
    assert repr(shown).startswith("What was measured. All rows: suite mini.\n")
    assert list(tables.show(FRAME).frame) == ["note", "mean", "p", "n", "method"]
    assert list(tables.show(FRAME[:1]).frame) == ["suite", "mean", "p", "n", "note", "method"]
    with pytest.raises(ValueError, match="first: no column 'x' in the table; it has: suite, note"):
        tables.show(FRAME, first=["x"])


def test_numbers_of_a_column_have_the_same_decimals():
    text = tables.show(FRAME, first=["method"])._repr_html_()
    for cell in ("46.2", "6.5", "5.1e-08", "0.5", "1", "12,345", "3"):
        assert f">{cell}</td>" in text
    assert 'data-v="46.157"' in text  # what is sorted by
    shares = tables.show(pd.DataFrame({"a": ["x", "y"], "share": [0.25, 1.5], "seconds": [10.0, 5.0]}))
    assert [cell in shares._repr_html_() for cell in (">0.25<", ">1.50<", ">10<", ">5<")] == [True] * 4


def test_an_index_that_says_something_becomes_columns():
    grouped = pd.DataFrame({"k": [1, 1, 2], "m": ["a", "b", "a"], "v": [1.0, 2.0, 3.5]}).groupby(["k", "m"]).mean()
    assert list(tables.show(grouped).frame) == ["k", "m", "v"]
    assert list(tables.show(pd.DataFrame({"v": [1, 2]}, index=["x", "y"])).frame) == ["", "v"]
    assert list(tables.show(pd.DataFrame({"v": [1, 2], "t": ["a", "b"]}, index=[3, 1])).frame) == ["t", "v"]
    wide = grouped["v"].unstack()
    assert list(tables.show(wide).frame) == ["k", "a", "b"]


def test_a_page_can_sort_by_every_header_and_filter_where_there_are_many_rows():
    text = tables.show(FRAME)._repr_html_()
    assert text.count('aria-sort="none"><button type="button">') == 5
    assert 'type="search"' not in text
    many = pd.DataFrame({"a": range(9), "b": list("abcdefghi")})
    assert 'placeholder="of 9 rows"' in tables.show(many)._repr_html_()
    assert "http" not in text and len(text) < 10_000


def test_addresses_are_links_where_that_is_asked_for():
    frame = pd.DataFrame(
        {"a": ["x", "y"], "source": ["see https://github.com/o/r/issues/3, said <b>", "arXiv 2207.01297"]}
    )
    link = '<a href="https://github.com/o/r/issues/3">github.com/<wbr>o/<wbr>r/<wbr>issues/<wbr>3</a>'
    assert f"<td>see {link}, said &lt;b&gt;</td>" in tables.show(frame, links=["source"])._repr_html_()
    assert "<a " not in tables.show(frame)._repr_html_()


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_text_and_no_markup(name):
    frame = pd.DataFrame({encodable(NASTY[name]): ["a", "b"], "other": [encodable(NASTY[name]), "<b>"]})
    text = tables.show(frame, NASTY[name])._repr_html_()
    body = text.split("</style>")[1].split("<script>")[0]
    assert "<b>" not in body and "<script" not in body and "&lt;b&gt;" in body
    text.encode()


def test_the_bundle_has_html_and_text():
    data, metadata = tables.show(FRAME, "Cap.")._repr_mimebundle_()
    assert set(data) == {"text/html", "text/plain"}
    assert metadata == {"text4vis": {"table": True, "caption": "Cap. All rows: suite mini."}}


def test_nothing_in_a_table_is_shown_as_nothing():
    empty = tables.show(pd.DataFrame({"a": [], "b": []}), "None yet.")
    assert "None yet." in empty._repr_html_() and "None yet." in repr(empty)
    shown = tables.show(pd.DataFrame({"a": ["x", "y"], "b": [np.nan, pd.NA], "c": [None, True]}))
    assert "nan" not in shown._repr_html_().split("</style>")[1].split("<script>")[0].lower()
