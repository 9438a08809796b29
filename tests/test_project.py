"""The project as a whole: its environments agree, its notebooks are stored clean, its core needs no extras."""

import ast
import importlib.metadata
import io
import json
import re
import subprocess
import sys
import tokenize

import matplotlib
import pytest
import yaml
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from text4vis_core.data.probe import VideoError
from text4vis_lab import Lab
from text4vis_lab.installing import LANGUAGE
from text4vis_lab.miniature import making
from text4vis_lab.notebooks import notebook_parameters, notebook_settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {name: [Requirement(text) for text in texts] for name, texts in PROJECT["optional-dependencies"].items()}
REQUIREMENTS = [Requirement(text) for text in PROJECT["dependencies"]] + [r for many in EXTRAS.values() for r in many]
LARGE = {"language"}  # extras that `all` leaves out: used where they are installed
DIRECT = [requirement for requirement in REQUIREMENTS if requirement.name != PROJECT["name"]]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def locked() -> list[Requirement]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if re.match(r"[A-Za-z0-9]", line)]


def test_environment_yml_is_the_same_environment():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == PROJECT["name"]
    python = next(line for line in environment["dependencies"] if isinstance(line, str) and line.startswith("python"))
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python.split("=")[-1])
    [pip] = [line["pip"] for line in environment["dependencies"] if isinstance(line, dict)]
    assert pip == ["--require-hashes", "--no-build-isolation", "-r requirements.lock"]  # as installing.py


def test_all_holds_every_extra():
    [everything] = EXTRAS["all"]
    assert everything.extras == set(EXTRAS) - {"all", *LARGE}
    assert {requirement.name for requirement in EXTRAS["language"]} == set(LANGUAGE)  # what installing.py leaves out


def test_every_direct_dependency_is_locked_at_a_version_that_it_allows(locked):
    for wanted in DIRECT:
        name = canonicalize_name(wanted.name)
        pins = [pin for pin in locked if canonicalize_name(pin.name) == name]
        assert pins, f"{wanted} is not in requirements.lock"
        for pin in pins:
            [version] = [specifier.version for specifier in pin.specifier if specifier.operator == "=="]
            if wanted.marker is None:
                assert wanted.specifier.contains(version), f"{pin} is not what {wanted} asks for"


def test_the_installed_versions_are_the_locked_ones(locked):
    optional = {requirement.name for extra in LARGE for requirement in EXTRAS[extra]}
    for pin in locked:
        if pin.name in {wanted.name for wanted in DIRECT} - optional and (pin.marker is None or pin.marker.evaluate()):
            assert pin.specifier.contains(importlib.metadata.version(pin.name)), f"{pin} is not what is installed"


OPTIONAL = ("lightning_fabric", "matplotlib", "pandas", "papermill", "av", "sklearn", "scipy", "altair", "snakemake")
# Not tqdm and yaml, which open_clip itself needs.
IMPORT_THE_CORE = f"""
import importlib, pkgutil, sys

class Without:
    # A finder that knows none of the extras.
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in {OPTIONAL!r} else self.finder.find_spec(name, path, target)

sys.meta_path = [Without(finder) for finder in sys.meta_path]
import text4vis_core
assert "torch" not in sys.modules, "importing the package alone costs nothing"
modules = [found.name for found in pkgutil.walk_packages(text4vis_core.__path__, "text4vis_core.")]
assert len(modules) > 40, modules
for name in modules:
    if not name.endswith(".__main__"):
        importlib.import_module(name)
for name in text4vis_core.__all__:
    getattr(text4vis_core, name)
assert "text4vis_lab" not in sys.modules
loaded = [name for name in {OPTIONAL!r} if name in sys.modules]
assert not loaded, loaded
print("imported")
"""


@pytest.mark.slow
def test_the_core_imports_without_the_extras(tmp_path):
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", IMPORT_THE_CORE]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.stdout.strip() == "imported", done.stderr


def cells(path) -> list[dict]:
    return json.loads(path.read_text())["cells"]


def code(path, number: int) -> str:
    """The source of a notebook's code cell."""
    return "".join([cell for cell in cells(path) if cell["cell_type"] == "code"][number]["source"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_is_stored_without_outputs(self, path):
        notebook = json.loads(path.read_text())
        assert notebook["metadata"]["kernelspec"]["name"] == "python3"
        assert "widgets" not in notebook["metadata"]
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                assert (cell["outputs"], cell["execution_count"]) == ([], None)

    def test_begins_with_a_title_and_then_the_parameters(self, path):
        first, second = cells(path)[:2]
        assert first["cell_type"] == "markdown"
        assert "".join(first["source"]).startswith("# ")
        assert second["metadata"]["tags"] == ["parameters"]
        assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells(path)) == 1

    def test_comments_every_parameter(self, path):
        source = code(path, 0)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
        commented = {token.start[0] for token in tokens if token.type == tokenize.COMMENT and len(token.string) > 8}
        statements = ast.parse(source).body
        assert len(statements) == len(notebook_parameters(path))
        for statement in statements:
            assert statement.lineno in commented, f"line {statement.lineno} has no comment: {ast.unparse(statement)}"
            ast.literal_eval(statement.value)  # plain values, that papermill can replace

    def test_records_itself_in_a_folder_of_its_own(self, path):
        assert f'run_dir = "runs/interactive/{path.stem}"' in code(path, 0)
        assert f'Lab.open("{path.stem}", globals()' in code(path, 1)

    def test_says_what_it_varies_and_opens_the_laboratory_in_a_few_lines(self, path):
        for number in (0, 1):
            assert len([line for line in code(path, number).splitlines() if line.strip()]) <= 12

    def test_says_values_and_not_the_code_that_gives_them(self, path):
        """As where one of several strings beside each other lacks its f."""
        number = sum(cell["cell_type"] == "code" for cell in cells(path))
        for node in ast.walk(ast.parse("\n".join(code(path, i) for i in range(number)))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.search(r"\{\w+(\[['\"]|(\.\w+)*:[.,]?\d*\w\})", node.value), node.value

    def test_imports_what_there_is(self, path):
        for node in ast.walk(ast.parse("\n".join(code(path, i) for i in range(2)))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(ast.unparse(node), {})


LIFTED = ("lead", "reading", "settings", "answer")  # tags of the last cells, in this order; the book puts them first
NO_FIGURE: set[str] = set()  # notebooks whose answer needs no figure


def title(path) -> str:
    return "".join(cells(path)[0]["source"]).splitlines()[0].removeprefix("# ")


def faults_of_form(path) -> list[str]:
    """What keeps a notebook from the form of a chapter: question, method, figure, reading, settings, answer."""
    tagged = [(tag, place) for place, cell in enumerate(cells(path)) for tag in cell["metadata"].get("tags", [])]
    lifted = [tag for tag, _ in tagged if tag in LIFTED]
    wanted = [tag for tag in LIFTED if path.stem not in NO_FIGURE or tag not in ("lead", "reading")]
    last = "".join(cells(path)[-1]["source"])
    question = "".join(cells(path)[0]["source"])
    found = {
        "its title begins with a number, or is long": title(path)[:1].isdigit() or len(title(path)) > 40,
        "it asks no **Question.**": not re.search(r"\*\*Questions?\.\*\*", question),
        f"the tags of its last cells are {lifted}, not {wanted}": lifted != wanted,
        "its last cell is not the answer": ("answer", len(cells(path)) - 1) not in tagged,
        "its last cell does not save and answer": not ("lab.save(" in last and "lab.answer(" in last),
    }
    return [fault for fault, is_so in found.items() if is_so]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_the_form_of_a_chapter(path):
    assert faults_of_form(path) == []


def test_no_two_notebooks_have_the_same_title():
    titles = [title(path) for path in NOTEBOOKS]
    assert sorted(titles) == sorted(set(titles))


IMPOSSIBLE = [
    ("00_quickstart", {"template": "no place"}, "must hold {} exactly once"),
    ("00_quickstart", {"video": "x.mp4"}, "cannot read video x.mp4: no such file or folder"),
    ("00_quickstart", {"video": "README.md"}, "cannot read video README.md: "),
    ("00_quickstart", {"video": "notebooks"}, "cannot read video notebooks: it has no frames"),
    ("00_quickstart", {"model": "ViT-B32", "class_names": ["a"]}, "unknown model 'ViT-B32'; closest: .*ViT-B-32"),
    ("00_quickstart", {"model": "RN50", "video": "book/_static"}, "parameter class_names is empty, and RN50 has no"),
    ("00_quickstart", {"class_names": "dancing"}, 'class_names: .* is one text, not a list; write it as ."dancing".'),
    ("00_quickstart", {"class_names": ["a", "b", "a "]}, "parameter class_names: 'a' comes twice; leave one out"),
    ("00_quickstart", {"class_names": ["a", " "]}, "parameter class_names: name 2 of 2 is blank; leave it out"),
    ("00_quickstart", {"reworded": {"plying guitar": "x"}}, "none of the class names; did you mean 'playing guitar'"),
    ("01_mini_clip", {"template": "{} {}"}, "must hold {} exactly once"),
    ("02_zero_shot", {"templates": ["{}", "none"]}, "must hold {} exactly once"),
    ("02_zero_shot", {"dataset": "kinetics"}, "parameter dataset: unknown 'kinetics'; choose from: puppets"),
    ("02_zero_shot", {"on_error": "replace"}, "parameter on_error: unknown 'replace'; choose from: raise, skip"),
    ("02_zero_shot", {"crops": 2}, "parameter crops: unknown 2; choose from: 1, 3, 5, 10"),
    ("02_zero_shot", {"epochs": 3}, "unknown parameter 'epochs': it is a setting of the group 'recipe', which this"),
    ("03_few_shot", {"frozen": ["text", "xavier"]}, "parameter frozen: unknown 'xavier'; choose from: random"),
    ("03_few_shot", {"slow": ["linear"]}, "parameter slow: unknown 'linear'"),
    ("03_few_shot", {"setting": ["guessed"]}, "parameter setting: unknown 'guessed'; choose from: tuned, validation-f"),
    ("03_few_shot", {"setting": []}, "parameter setting is empty; it must hold one value at least"),
    ("03_few_shot", {"vary": ["clips"]}, "parameter vary: unknown 'clips'; choose from: draw, initialisation, order"),
    ("03_few_shot", {"trainable": ["xavier"]}, "parameter trainable: unknown 'xavier'"),
    ("03_few_shot", {"accumulate": 3}, "accumulate 3 does not divide batch_size"),
    ("03_few_shot", {"dataset": "kinetics"}, "parameter dataset: unknown 'kinetics'; choose from: puppets"),
    ("03_few_shot", {"on_error": "replace"}, "parameter on_error: unknown 'replace'; choose from: raise, skip"),
    ("03_few_shot", {"num_worker": 2}, "unknown parameter 'num_worker'; did you mean 'num_workers'?"),
    ("03_few_shot", {"repeat": "maybe"}, "parameter repeat: 'maybe' is not true or false"),
    ("03_few_shot", {"dense": "maybe"}, "parameter dense: 'maybe' is not true or false"),
    ("03_few_shot", {"shots": 4}, r"parameter shots: 4 is not a list; write it as \[4\]"),
    ("03_few_shot", {"shots": "[1, 4"}, r"parameter shots: '\[1, 4' is not a list"),
    ("03_few_shot", {"shots": []}, "parameter shots is empty; it must hold one value at least"),
    ("03_few_shot", {"seeds": [0, 0]}, r"parameter seeds: \[0, 0\] holds a value twice"),
    ("04_full_training", {"frozen": ["xavier"]}, "parameter frozen: unknown 'xavier'"),
    ("04_full_training", {"epochs": 0}, "epochs is 0; it must be at least 1"),
    ("04_full_training", {"dataset": "kinetics"}, "parameter dataset: unknown 'kinetics'; choose from: puppets"),
    ("05_analysis", {"template": "none"}, "must hold {} exactly once"),
    ("05_analysis", {"few_shot": "runs/nowhere"}, "runs/nowhere holds no result.json"),
    ("18_time_order", {"temporals": ["lstm"]}, "unknown 'lstm'; choose from: mean, transformer"),
    ("18_time_order", {"epochs": 0}, "epochs is 0; it must be at least 1"),
    ("20_why_different", {"example": "crop"}, "parameter example: unknown 'crop'; choose from: template, label order"),
    ("20_why_different", {"films": 0}, "0 films of each class were asked for; it must be 1 to 30"),
]


IMPOSSIBLE_IS = (ValueError, FileNotFoundError, VideoError)


@pytest.fixture
def without_miniature(monkeypatch):
    def make(*_, **__):
        raise AssertionError("the miniature was made before the parameters were checked")

    monkeypatch.setattr(making, "make", make)
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(("name", "parameters", "message"), IMPOSSIBLE)
def test_an_impossible_parameter_fails_before_anything_is_made(tmp_path, without_miniature, name, parameters, message):
    path = ROOT / "notebooks" / f"{name}.ipynb"
    if not message.startswith("unknown parameter"):
        assert parameters.keys() <= notebook_settings(path).keys()
    variables = {}
    exec(code(path, 0), variables)
    variables |= {"run_dir": str(tmp_path / "run"), **parameters}
    with matplotlib.rc_context(), pytest.raises(IMPOSSIBLE_IS, match=message.replace("{}", r"\{\}")):
        exec(code(path, 1), variables)


def test_parameters_that_arrive_as_text_are_what_they_show(tmp_path, without_miniature):
    variables = {}
    exec(code(ROOT / "notebooks" / "03_few_shot.ipynb", 0), variables)
    given = {"shots": "[1, 4]", "frozen": "[text, random]", "repeat": "false", "dense": "true", "lr": "1e-3"}
    variables |= {"run_dir": str(tmp_path / "run"), **given, "template": "{}", "num_workers": "2"}
    with matplotlib.rc_context():
        lab = Lab.open("03_few_shot", variables)
    assert variables["shots"] == lab.record.parameters["shots"] == [1, 4]
    assert variables["frozen"] == ["text", "random"]
    assert variables["repeat"] is False
    expected = {"dense": True, "lr": 1e-3, "num_workers": 2, "template": "{}"}
    assert {name: lab.record.parameters[name] for name in expected} == expected
    assert lab.clips.dense is True
