"""A suite whose every text wants to be more than text: run, built as a book, and looked at."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT, write_video
from test_book_texts import parameters

from text4vis_lab.moving import SCRIPT
from text4vis_lab.suites import read_suite

SECRET = "what no page may hold"
SCRIPTS = '<script>window.evil=1</script><img src="evil.png" onerror="evil()"><evil-tag onclick=evil()>'
MARKS = [
    *(f"{mark * number}" for mark in ("`", ":", "~") for number in (3, 4, 6)),
    "{download}`secret.txt` {download}`evil </etc/passwd>` {raw}`<evil-tag>` {eval-rst}",
    "[evil](file:///etc/passwd) ![evil](secret.txt) [evil](javascript:evil) |today| |evil| <https://evil.example>",
    "&lt;evil-tag&gt; &#60;evil-tag&#62; --> ]]> </pre></code></div></title></textarea>",
    "it's \"quoted\" 'twice' $(touch evil) `touch evil` ${HOME} $HOME !! ; touch evil; & touch evil",
    r"back\slash \n \x41 %s %(x)s {{ config }} $x^2$ \(x\) % evil # evil",
    "esc \x1b[31m\x1b]0;evil\x07 bell \x07 del \x7f nbsp \xa0 turned \u202eevil\u2066 line \u2028 end \ufeff",
]
DIRECTIVES = [
    "```{literalinclude} /etc/passwd\n```",
    "```````{raw} html\n<evil-tag>\n```````",
    "\n:::\n::::::\n:::{include} secret.txt\n:::",
    "\n\n.. raw:: html\n\n   <evil-tag>\n\n~~~\n% claims\n",
]
LINE = " ".join([SCRIPTS, *MARKS]).replace("\u2028", "")
TEXT = "\n".join([LINE, *DIRECTIVES, ""])
STUB = "#!{python}\nimport json, os, sys\nprint(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]))\n"


def as_name(text: str) -> str:
    """A text as the name of a file or folder, as long as such may be."""
    return text.replace("/", "\N{DIVISION SLASH}").encode()[:200].decode(errors="ignore").strip()


def as_label(text: str) -> str:
    return " ".join(text.split())


def folders(root: Path) -> None:
    """Class folders for training and test with a video in each, and one that is damaged; two videos without a class."""
    names = tuple(f"{number} {as_name(text)}"[:60] for number, text in enumerate([SCRIPTS, *MARKS[9:], *DIRECTIVES]))
    for split in ("train", "test"):
        for number, name in enumerate(names):
            folder = root / split / name
            folder.mkdir(parents=True)
            write_video(root / "video.mp4", 6, codec="mpeg4", shift=number)
            film = as_name(f"film {DIRECTIVES[number % 4]}{MARKS[-1 - number % 6]}")
            (root / "video.mp4").rename(folder / f"{film}.mp4")
    (root / "test" / names[0] / f"damaged {as_name(SCRIPTS)}.mp4").write_bytes(b"no video")
    (root / "secret.txt").write_text(SECRET)
    for number in range(2):
        loose = Path(f"{root} loose", f"{as_name(MARKS[-1 - number])}.mp4")
        loose.parent.mkdir(exist_ok=True)
        write_video(loose.with_name("video.mp4"), 6, codec="mpeg4", shift=number).rename(loose)


def a_suite(place: Path, clip: Path) -> dict:
    """What runs: every parameter that takes any text has one."""
    shared = {"dataset": "folders", "data_root": str(place), "names": "published"}
    shared |= {"train_list": "train", "test_list": "test"}
    unread = dict.fromkeys(("paraphrases", "other_clip", "language_model", "descriptions"), f"data/{TEXT}")
    asked = (
        shared | unread | {"model": str(clip), "cache": "", "on_error": "skip", "num_frames": 2, "position_std": 1e-09}
    )
    templates = [f"{{}} {text}" for text in [TEXT, *MARKS, *DIRECTIVES]]
    about = {"title": LINE, "part": LINE, "resources": {"cores": 1}}
    return {
        "description": TEXT,
        "reference": False,
        "runs": [
            about
            | {
                "name": "named",
                "notebook": "02_zero_shot",
                "parameters": asked | {"template": f"{{}} {TEXT}", "templates": templates},
            },
            about | {"name": "looked_at", "notebook": "07_data_check", "parameters": shared | {"splits": ["all"]}},
            about
            | {
                "name": "labelled",
                "notebook": "17_your_videos",
                "parameters": {"data_root": f"{place} loose", "labels": [as_label(m) for m in MARKS]}
                | {"model": str(clip), "cache": "", "num_frames": 2, "template": f"{{}} {TEXT}"},
            },
            about | {"name": "failed", "notebook": "00_quickstart"},
        ],
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory, clip_folder) -> Path:
    """A repository in which such a suite has run, with its book."""
    root = tmp_path_factory.mktemp("hostile")
    for name in ("notebooks", "text4vis_core", "text4vis_lab", "requirements.lock"):
        (root / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "book", root / "book", ignore=shutil.ignore_patterns("_build", "__pycache__"))
    (root / "data").mkdir()
    (root / "data" / "published_results.csv").symlink_to(ROOT / "data" / "published_results.csv")
    for folder in (root, root / "book"):
        (folder / "secret.txt").write_text(SECRET)
    videos = root / as_name(MARKS[9] + MARKS[12] + SCRIPTS)[:180]
    folders(videos)
    clip = shutil.copytree(clip_folder, root / as_name(MARKS[-1] + MARKS[9] + SCRIPTS))
    suite = root / "experiments" / f"{as_name(MARKS[12] + MARKS[14])}.yaml"
    suite.parent.mkdir()
    suite.write_text(yaml.safe_dump(a_suite(videos, clip)))
    programs = [*(root / ".venv" / "bin" / name for name in ("papermill", "python")), root / "bin" / "make"]
    for program in programs:
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(STUB.format(python=sys.executable))
        program.chmod(0o755)
    return root


def call(place: Path, *words: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *words], cwd=place, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def suite(place):
    return next((place / "experiments").iterdir()).relative_to(place)


@pytest.fixture(scope="module")
def runs(place, suite):
    here = Path.cwd()
    os.chdir(place)
    try:
        *runs, failed = read_suite(suite).runs
    finally:
        os.chdir(here)
    for run in runs:
        done = call(place, "-m", "text4vis_lab.suites", "execute", str(suite), run.name)
        assert done.returncode == 0, done.stderr
        attempt = json.loads((place / run.attempt).read_text())
        assert attempt["status"] == "ok", attempt["error"]
    (place / failed.directory).mkdir()
    (place / failed.executed).symlink_to(place / failed.source)
    (place / failed.attempt).write_text(json.dumps({"status": "failed", "error": TEXT, "notebook": "", "seconds": 1}))
    return [*runs, failed]


@pytest.fixture(scope="module")
def html(place, suite, runs):
    done = call(place, "book/build.py", str(suite))
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "book" / "_build" / "html"


@pytest.fixture(scope="module")
def pages(html):
    found = [path for path in html.rglob("*.html") if "_static" not in path.parts]
    return {path.relative_to(html).as_posix(): BeautifulSoup(path.read_text(), "html.parser") for path in found}


pytestmark = pytest.mark.slow


def test_no_page_holds_a_foreign_element(pages):
    known = [(ROOT / "text4vis_lab" / name).read_text() for name in ("tables.js", "figures/gallery.js")]
    known.append(SCRIPT.removeprefix("<script>").removesuffix("</script>"))
    assert {
        "index.html",
        *(f"runs/{name}.html" for name in ("named", "looked_at", "labelled", "failed")),
    } <= pages.keys()
    for name, page in pages.items():
        assert not page.find_all(re.compile("evil|https:|iframe|object|embed|frame|base|applet")), name
        for element in page.find_all(True):
            for attribute, value in element.attrs.items():
                assert not (attribute.startswith("on") and "evil" in str(value)), f"{name}: {element}"
                assert not re.match(r"\s*(javascript|file|vbscript):", str(value)), f"{name}: {element}"
            target = (element.get("href") or element.get("src") or "").partition("#")[0]
            assert not re.search("evil|passwd|secret", target), f"{name}: {element}"
        for script in page.find_all("script"):
            assert script.get("type") == "application/json" or "evil" not in script.text, f"{name}: {script}"
        article = page.find("article") or BeautifulSoup("", "html.parser")
        for script in article.find_all("script"):
            assert script.get("type") == "application/json" or script.text in known, f"{name}: {script}"


def test_what_is_text_is_seen_as_it_is_and_what_does_not_print_as_its_escape(html, pages):
    for name in ("named", "failed"):
        shown = pages[f"runs/{name}.html"].find("article").get_text()
        assert "<evil-tag>" in shown and "```{literalinclude} /etc/passwd" in shown and r"\x1b[31m" in shown
    for path in html.rglob("*.html"):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2028\u2066\ufeff]", path.read_text()), path


def test_no_local_file_is_among_the_downloads(html, pages):
    passwd = Path("/etc/passwd").read_bytes()
    for path in filter(Path.is_file, html.rglob("*")):
        content = path.read_bytes()
        assert SECRET.encode() not in content and passwd not in content, path
    names = {path.name for path in (html / "_downloads").rglob("*") if path.is_file()}
    assert {"named.result.json", "looked_at.result.json", "named-confusion.csv"} <= names
    assert all(name.startswith(("named", "looked_at", "labelled")) for name in names)


def given(place: Path, block: str) -> list[list[str]]:
    """The arguments that programs are given by a block that is pasted into bash."""
    environment = os.environ | {"PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", block], cwd=place, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, f"{done.stderr}{block}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_command_gives_what_the_run_was_given(place, suite, runs, pages):
    for run in runs[:3]:
        page = pages[f"runs/{run.name}.html"]
        [block] = [block.get_text() for block in page.select("article .highlight-sh pre")]
        [[program, source, executed, *options]] = given(place, block)
        assert (program, source) == ("papermill", str(run.source))
        assert executed.format() == str(run.executed)  # papermill fills in what stands in braces
        assert parameters(options) == run.papermill_parameters
        for line in page.select(".chart-links code"):
            [[program, *words, asked]] = given(place, line.get_text())
            assert (program, *words) == ("python", "-m", "text4vis_lab.figures")
            assert Path(asked).parent == run.directory / "figures" and (place / asked).is_file()
    for name in ("index.html", "runs/failed.html"):
        for block in pages[name].select("article .highlight-sh pre"):
            assert given(place, block.get_text()) == [["make", "book", f"SUITE={suite}"]]
    assert not list(place.rglob("evil"))
