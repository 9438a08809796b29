"""What is known of causes stands beside what is measured, and is never mixed with it."""

import re

import pandas as pd
import pytest

from text4vis_lab.compare.causes import CAUSES
from text4vis_lab.compare.known import COLUMNS, beside, known_causes

HEAD = ",".join(COLUMNS)
ROW = "template,-1.3,top-1,ImageNet,CLIP,arXiv 2103.00020,one prompt"


def test_the_projects_file_is_whole():
    known = known_causes()
    assert set(known["cause"]) <= set(CAUSES)
    assert (known["source"] != "").all()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cause,effect\n", "column 'metric' is missing; its first line is to be cause,effect,metric"),
        (f"{HEAD}\n{ROW}\nprompt,1,,,,x,", "line 3: unknown cause 'prompt'; choose from: softmax, "),
        (f"{HEAD}\n{ROW.replace('-1.3', 'some')}", "line 2: effect 'some' is no number; give points, or leave it"),
        (f"{HEAD}\n{ROW.replace('arXiv 2103.00020', '')}", "line 2: source is empty; say who has found it"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path, text, why):
    (tmp_path / "known.csv").write_text(text)
    with pytest.raises(ValueError, match=re.escape(str(tmp_path / "known.csv")) + ".*" + re.escape(why)):
        known_causes(tmp_path / "known.csv")


def test_measured_and_published_have_columns_of_their_own(tmp_path):
    (tmp_path / "known.csv").write_text(f"{HEAD}\n{ROW}\n{ROW.replace('-1.3', '')}\n")
    measured = pd.DataFrame(
        [
            {"cause": "template", "changed": "a", "mean": 2.0, "low": 1.0, "high": 3.04},
            {"cause": "crops", "changed": "b", "mean": -4.0, "low": float("nan"), "high": float("nan")},
        ]
    )
    table = beside(measured, known_causes(tmp_path / "known.csv"))
    lines = table.set_index("cause").drop(columns="source")
    of = "one prompt (top-1, ImageNet, CLIP)"
    assert lines.loc["template"].to_numpy().tolist() == [
        ["2.0 [1.0, 3.0]", "a", "-1.3", of],
        ["", "", "no number", of],
    ]
    assert lines.loc["crops"].to_list() == ["-4.0", "b", "not found", ""]
    assert lines.loc["label order"].to_list() == ["not measured here", "", "not found", ""]
    assert len(set(table["cause"])) == len(CAUSES)
