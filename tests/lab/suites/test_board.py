"""The board of a suite: what every run is at, in a terminal and as a page, whatever lies in the runs' folders."""

import html
import io
import json
import os
import re
import socket
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from text4vis_lab import progress
from text4vis_lab.progress import begin, tell
from text4vis_lab.suites import board, page, read_suite, shown, terminal, watch
from text4vis_lab.suites._activity import activity, duration, seconds_left
from text4vis_lab.suites.inputs import made_of
from text4vis_lab.suites.states import Board, State
from text4vis_lab.surroundings import SILENCE, is_alive, take

NAMES = ("queued", "waiting", "running", "killed", "failed", "done", "old")
HERE = socket.gethostname()
GONE = 2**22 + 1  # no process has this number: above the largest that Linux gives


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A suite of seven runs, each in the state that it is called after; "old" is of before runs told of themselves."""
    for folder in ("notebooks", "text4vis_core", "experiments"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    parameters, opens = 'run_dir = "runs/x"', 'if False:\n    Lab.open("train", globals(), uses=())'
    cell = {"cell_type": "code", "execution_count": None, "outputs": []}
    cells = [cell | {"metadata": {"tags": ["parameters"]}, "source": parameters}]
    cells += [cell | {"metadata": {}, "source": opens}]
    Path("notebooks/train.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    runs = "".join(f"  - {{name: {name}, notebook: train}}\n" for name in NAMES)
    Path("experiments/mine.yaml").write_text(f"description: a <b> & c\nruns:\n{runs}")
    suite = read_suite("experiments/mine.yaml")
    for run in suite.runs[1:]:
        run.directory.mkdir(parents=True)
        run.log.write_text("")
        run.lock.write_text(f"process {GONE} on {HERE}")
        if run.name != "old":
            begin(run.directory, interrupted=1 if run.name == "running" else 0)
    for name, status in (("failed", "failed"), ("done", "ok"), ("old", "ok")):
        run = suite.run(name)
        run.attempt.write_text(
            json.dumps(
                {"status": status, "error": "Error: <x> & y" * (status == "failed"), "seconds": 90}
                | {"made_of": made_of(run)}
            )
        )
        if name != "old":
            tell(run.directory, "ended", status=status)
    for name in ("running", "waiting"):
        suite.run(name).lock.write_text(f"process {os.getpid()} on {HERE}")
    tell("runs/mine/waiting", "waiting", text="waiting for 1 of 1 GPUs")
    for event in EVENTS:
        tell("runs/mine/running", **event)
    tell("runs/mine/killed", "notebook", number=2, of=5)
    return suite


TRAINING = {"event": "bar", "what": "training text-seed0", "unit": "step"}
EVENTS = [
    {"event": "notebook", "number": 5, "of": 9},
    {"event": "bar", "what": "trainings", "unit": "run", "done": 1, "of": 4},
    {"event": "training", "cell": "text-seed0", "epochs": 8},
    TRAINING | {"done": 0, "of": 16},
    {"event": "epoch", "what": "training text-seed0", "epoch": 2, "loss": 0.4321, "train_top1": 87.5},
    TRAINING | {"done": 4, "of": 16},
]


def states(suite) -> dict[str, State]:
    return {state.run.name: state for state in board(suite).states}


def test_every_run_is_in_its_state(mine):
    found = states(mine)
    assert {name: state.state for name, state in found.items()} == {
        "queued": "queued",
        "waiting": "waiting",
        "running": "running",
        "killed": "stopped",
        "failed": "failed",
        "done": "done",
        "old": "done",
    }
    assert found["waiting"].doing == "waiting for 1 of 1 GPUs"
    assert found["running"].doing == (
        "trainings 2 of 4 · text-seed0: epoch 3 of 8, loss 0.432, training top-1 87.5 % · "
        "start 2, after an interruption"
    )
    assert found["running"].share == pytest.approx((1 + 4 / 16) / 4)
    assert re.match(rf"killed or stopped \d s ago \(process {GONE} on {re.escape(HERE)}\); ", found["killed"].doing)
    assert found["failed"].doing == "Error: <x> & y"
    assert board(mine).headline == "goes on: 1 queued, 1 waiting, 1 running, 1 stopped, 1 failed, 2 done"


def test_who_is_silent_is_gone_and_who_failed_before_this_start_is_queued(mine):
    later = board(mine, time.time() + SILENCE + 1)
    assert {s.run.name: s.state for s in later.states if s.run.name in ("running", "waiting")} == {
        "running": "stopped",
        "waiting": "stopped",
    }
    assert later.headline.startswith("is not running: ")
    mine.run("failed").attempt.unlink()  # as a new start does
    assert states(mine)["failed"].state == "queued"


def test_a_process_is_alive_by_its_files_time_and_where_it_is_of_this_machine_by_its_number(tmp_path):
    path = tmp_path / "lock"
    assert not is_alive(path)
    lock = take(path)
    assert is_alive(path)
    assert not is_alive(path, time.time() + SILENCE + 1)
    os.close(lock)
    path.write_text(f"process {GONE} on another-machine, Slurm job 7")
    assert is_alive(path)
    path.write_text(f"process {GONE} on {HERE}, Slurm job 7")
    assert not is_alive(path)


def test_what_has_other_content_since_shows_as_stale_in_the_terminal_and_on_the_page(mine):
    assert "stale" not in page.page([board(mine)])
    Path("text4vis_core/loop.py").write_text("x = 1\n")
    known = board(mine)
    stale = {state.run.name: state.doing for state in known.states if state.stale}
    assert stale == dict.fromkeys(("done", "old"), "stale: text4vis_core/loop.py changed since")
    assert known.headline.endswith("2 done (2 stale)")
    assert "stale: text4vis_core/loop.py changed since" in page.page([known])
    stream = io.StringIO()
    terminal._tell_changes(replace(known, goes_on=False), Console(file=stream, width=200), time.sleep)
    assert "done: done (2 min, stale: text4vis_core/loop.py changed since)" in stream.getvalue()
    mine.run("done").attempt.unlink()
    assert [state.run.name for state in board(mine).states if state.stale] == ["old"]


def test_what_was_done_before_this_start_says_so(mine):
    page.note_start(mine)
    os.utime(mine.run("old").attempt, (1, 1))
    found = states(mine)
    assert (found["old"].earlier, terminal.times(found["old"])) == (True, "earlier")
    started = Path("runs/mine/started.json")
    assert json.loads(started.read_text())["path"] == "experiments/mine.yaml"
    started.write_text("[")
    assert not states(mine)["old"].earlier


def at(*events: dict, now: float = 0.0) -> str:
    return activity([{"time": 0.0} | event for event in events], now).doing


def test_what_a_run_is_at_in_words():
    assert at() == at({"event": "started"}) == "starting"
    assert at({"event": "notebook", "number": 2, "of": 9}) == "cell 2 of 9 of the notebook"
    bar = {"event": "bar", "what": "embedding 720 videos", "done": 3, "of": 23}
    assert at(bar) == "embedding 720 videos: 13 %"
    assert at(bar, bar | {"closed": True}) == "starting"
    assert at(bar, {"event": "notebook", "number": 3, "of": 9}) == "cell 3 of 9 of the notebook"
    assert at(*EVENTS[:2]) == "trainings 2 of 4"
    shares = [activity([{"time": 0.0} | e for e in EVENTS[: n + 1]], 0.0).share for n in range(1, len(EVENTS))]
    closed = TRAINING | {"done": 16, "of": 16, "closed": True}
    shares.append(activity([{"time": 0.0} | event for event in [*EVENTS, closed]], 0.0).share)
    assert shares == sorted(shares)
    assert at(*EVENTS[:4]) == "trainings 2 of 4 · text-seed0: epoch 1 of 8"
    assert at(*EVENTS[:3], TRAINING | {"done": 16, "of": 16}).endswith("epoch 8 of 8")
    other = {"event": "bar", "what": "training Mini CLIP", "done": 1, "of": 2}
    assert at({"event": "training", "cell": "text-seed0", "epochs": 8}, other) == "training Mini CLIP: 50 %"
    tested = EVENTS[4] | {"val_top1": 50.0}
    assert at(*EVENTS[:4], tested).endswith("loss 0.432, validation top-1 50.0 %")


@pytest.mark.parametrize("value", [None, "x", [1], True, -1, 1.5, {}])
def test_what_is_no_number_is_left_out(value):
    bar = {"event": "bar", "what": "x", "done": value, "of": value}
    assert at(bar) == "starting"
    assert at({"event": "notebook", "number": value, "of": 3}) == "starting"
    assert at({"event": "started", "interrupted": value}) == "starting"


def test_the_time_that_is_left_is_by_the_pace_of_the_last_half():
    kept = [(0.0, 0.0), (1.0, 0.5)]  # half was finished before, and read
    assert seconds_left([*kept, (61.0, 0.6), (121.0, 0.7)], 121.0) == pytest.approx(0.3 / 0.2 * 120)
    assert seconds_left([(0.0, 0.0), (10.0, 0.5)], 14.0) == pytest.approx(6.0)
    assert seconds_left([(0.0, 0.0), (10.0, 1.0)], 14.0) == 0
    assert seconds_left([(0.0, 0.2)], 5.0) is None
    assert seconds_left([(0.0, 0.2), (5.0, 0.2)], 5.0) is None


def test_durations_in_words():
    words = {0: "0 s", 59.4: "59 s", 59.6: "1 min", 3569: "59 min", 3600: "1 h", 12000: "3 h 20 min", 187200: "2 d 4 h"}
    assert {seconds: duration(seconds) for seconds in words} == words


def ends_at_the(look: int, suite, monkeypatch):
    """A pause after which the suite goes on, until that look; then its last processes are gone."""
    looks = []

    def pause(seconds):
        looks.append(seconds)
        if len(looks) == look:
            for name in ("running", "waiting"):
                suite.run(name).lock.write_text(f"process {GONE} on {HERE}")

    return pause


def test_where_it_is_piped_there_is_a_line_for_each_change(mine, monkeypatch):
    stream = io.StringIO()
    last = watch(mine, stream, ends_at_the(3, mine, monkeypatch))
    lines = stream.getvalue().splitlines()
    assert "\x1b" not in stream.getvalue()
    assert [line.split(": ")[0] for line in lines[:9]] == [*NAMES, "waiting", "running"]
    assert lines[4] == "failed: failed (2 min, Error: <x> & y)"
    assert lines[9].startswith("Suite mine is not running: ")
    assert lines[9].endswith("make book SUITE=experiments/mine.yaml takes it up")
    assert lines[10:] == ["failed failed: Error: <x> & y", "    see runs/mine/failed/train.ipynb"]
    assert not last.goes_on


def test_in_a_terminal_there_is_a_table(mine):
    from rich.console import Console

    console = Console(width=110, record=True, file=io.StringIO(), force_terminal=True)
    console.print(terminal.picture(board(mine)))
    text = console.export_text()
    assert "mine goes on: 1 queued" in text
    row = next(line for line in text.splitlines() if line.strip().startswith("running "))
    assert "▶ running" in row
    assert "trainings 2 of 4" in row
    assert "[x]" not in text
    narrow = Console(width=60, record=True, file=io.StringIO())
    narrow.print(terminal.picture(board(mine)))
    assert max(map(len, narrow.export_text().splitlines())) <= 60


class Parsed(HTMLParser):
    """The tags of a page that are left open or closed twice, and its links."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.links, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_is_whole_escaped_and_asks_for_nothing(mine):
    text = page.page([board(mine)])
    parsed = Parsed(text)
    assert parsed.open == []
    assert '<meta http-equiv="refresh"' in text
    assert "a <b> & c" in " ".join(parsed.words)
    assert "Error: <x> & y" in " ".join(parsed.words)
    assert html.escape("a <b> & c") in text
    assert "mine/failed/log.txt" in parsed.links
    assert all(not re.match(r"\w+:|/", link) for link in parsed.links)
    assert "<x>" not in text
    assert "http-equiv" not in page.page([board(mine)], live=False)


def test_the_page_is_kept_as_things_are_until_the_suite_has_ended(mine, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    lock = take(mine.lock)
    with shown(mine):
        first = page.PAGE.read_text()
        assert 'http-equiv="refresh"' in first
        assert "mine goes on" in first
        other = Path("experiments/other.yaml")
        other.write_text("runs: [{name: a, notebook: train}]")
        theirs = take(read_suite(other).lock)
        page.note_start(read_suite(other))
        page.write_page(mine)
        assert "<h2>other</h2>" in page.PAGE.read_text()
        os.close(theirs)
        Path("runs/other/.lock").write_text(f"process {GONE} on {HERE}")
        for name in ("running", "waiting"):
            mine.run(name).lock.write_text(f"process {GONE} on {HERE}")
    last = page.PAGE.read_text()
    assert "http-equiv" not in last
    assert "mine is not running" in last
    assert "<h2>other</h2>" not in last
    os.close(lock)


def test_a_page_that_cannot_be_written_stops_nothing(mine):
    Path("runs", "board.html").mkdir()
    page.write_page(mine)


def test_an_empty_board_has_ended(mine):
    assert Board(mine, (), False, 0.0).headline == "ended: "


def test_a_suite_that_was_never_run_can_be_watched(mine):
    Path("experiments/other.yaml").write_text("runs: [{name: a, notebook: train}]")
    stream = io.StringIO()
    watch(read_suite("experiments/other.yaml"), stream)
    assert stream.getvalue().splitlines() == [
        "a: queued",
        "Suite other is not running: 1 queued; make book SUITE=experiments/other.yaml takes it up",
    ]
