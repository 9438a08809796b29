"""The commands about runs: train, runs."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ..answering import answer_in
from ..model_files.folder import models_in
from ..own_training import train_folder
from ..plain import readable
from ..records import RECORD, read_records
from ..shell import command
from ..staleness import stale
from ..suites import counted
from .running import Unanswered, absolute, at_home, home, named, note
from .tables import as_json


def train(folder: Path, out: Path | None, shots: int, model: tuple[str, str], how: Mapping[str, int]) -> int:
    """Train on a folder of classes, print what was measured and where the model is."""
    root = absolute(folder)
    target = absolute(out) if out else home() / "runs" / "own" / root.name
    settings = {"model": named(model[0]), "pretrained": model[1], **how}
    with at_home():
        done = train_folder(root, shots, out=target, settings=settings)
    for said in done.sentences:
        print(said)
    print(done.model)
    note(command(["text4vis", "predict", "VIDEOS", "--model", target, "--out", "predictions.csv"]))
    return 0


def runs(folder: Path, json: bool) -> int:
    """Print a table of the runs below a folder."""
    refused: list[str] = []
    root = folder if folder.exists() else home() / folder
    records = read_records(root, refused)
    counted(records, refused)
    for why in refused:
        note(why)
    if not records:
        raise Unanswered(f"there is no run in {folder}: a run leaves {RECORD}; give its folder, or one above it")
    table = pd.DataFrame([_row(record) for record in records])
    if json:
        print(as_json(table))
        return 0
    for row in table.to_dict("records"):
        print(f"{readable(row['run'])}   {row['notebook']}, {row['finished']}")
        print(f"  {readable(row['answer'], 400)}")
        if row["stale"]:
            print(f"  stale: {readable('; '.join(row['stale']), 400)}")
        for model in row["models"]:
            print(f"  model: {readable(model, 400)}")
    return 0


def _row(record: Mapping) -> dict:
    run = Path(record["path"]).parent
    answer = next(iter(answer_in(run / f"{record['notebook']}.ipynb")), "") or _measured(record)
    facts = {"run": run.as_posix(), "notebook": record["notebook"], "finished": record["provenance"]["finished"][:16]}
    models = [path.as_posix() for path in models_in(run)]
    return facts | {"answer": answer, "stale": stale(record), "models": models}


def _measured(record: Mapping) -> str:
    """The best method of the first test, where a notebook gives no answer in words."""
    tests = [row for row in record["rows"] if row["test"] == record["rows"][0]["test"]] if record["rows"] else []
    if not tests:
        return "it measured nothing by videos"
    best = max(tests, key=lambda row: row["top1"])
    return (
        f"{best['method']}: {best['top1']:.1f} % of {best['videos']} videos ({best['test']}), the highest of its rows"
    )
