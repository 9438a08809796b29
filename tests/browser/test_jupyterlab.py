"""JupyterLab as `make lab` opens it, and the quick start in it as somebody plays with it."""

import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from playwright.sync_api import Page, expect

from browser.conftest import absent

pytestmark = pytest.mark.slow
MOVED = ("text4vis_core", "text4vis_lab", "notebooks", "experiments", "pyproject.toml")
PATIENCE = 180_000  # ms: the kernel has to load torch, beside other tests


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A folder like a clone, with the miniature, in which playing leaves nothing behind."""
    if not (ROOT / "data" / "miniature").exists():
        absent("there is no miniature: make book")
    folder = tmp_path_factory.mktemp("lab") / "project"
    folder.mkdir()
    for name in MOVED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "data", folder / "data", ignore=shutil.ignore_patterns("miniature", "cache", "prepared"))
    # No links: they would change the originals' status, by which others know them.
    shutil.copytree(ROOT / "data" / "miniature", folder / "data" / "miniature")
    return folder


@pytest.fixture(scope="module")
def address(project) -> Iterator[str]:
    """A server of JupyterLab, begun as `make lab` begins it."""
    environment = os.environ | {"PYTHONPATH": str(project), "HOME": str(project), "JUPYTER_PREFER_ENV_PATH": "1"}
    subprocess.run([sys.executable, "-m", "text4vis_lab.work"], cwd=project, env=environment, check=True)
    token = secrets.token_hex(16)
    asked = ["--no-browser", "--allow-root", "--ServerApp.port=0", f"--IdentityProvider.token={token}"]
    command = [sys.executable, "-m", "jupyterlab", *asked, f"--ServerApp.root_dir={project}"]
    with subprocess.Popen(command, cwd=project, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            for line in server.stderr:
                found = re.search(r"http://localhost:(\d+)/lab", line)
                if found:
                    break
            else:
                raise AssertionError("JupyterLab has ended")
            yield f"http://localhost:{found[1]}/lab/tree/work/00_quickstart.ipynb?token={token}"
        finally:
            server.terminate()
            server.communicate()


@pytest.fixture(scope="module")
def page(address, chromium) -> Iterator[Page]:
    """The quick start, run as far as its panel, which has answered."""
    page = chromium.new_context(viewport={"width": 1440, "height": 1500}).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.get_by_text("(ipykernel) | Idle").wait_for()  # what is asked of a kernel before that is lost
    cell = page.get_by_text("quickstart.panel")
    cell.click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Above Selected Cell", exact=True).click()
    cell.click()
    page.keyboard.press("Shift+Enter")
    expect(answer(page)).to_contain_text("%", timeout=PATIENCE)
    yield page
    page.context.close()


def answer(page: Page):
    """What the panel says."""
    return page.locator("[aria-live=polite] strong").first


def names(page: Page, text: str) -> None:
    """Write class names, as a reader does."""
    field = page.locator(".widget-textarea textarea").first
    field.fill(text)
    field.press("Tab")


def test_another_action_is_chosen(page):
    page.get_by_role("button", name="archery", exact=True).first.click()
    expect(answer(page)).to_contain_text("archery", timeout=PATIENCE)


def test_other_names_change_answer_and_chart(page):
    chart = page.locator(".jp-OutputArea .vega-embed").first
    chart.wait_for(state="attached")
    before = chart.inner_html()
    names(page, "drawing a bow\nriding a bike\nplaying guitar")
    expect(answer(page)).to_contain_text(re.compile("drawing a bow|riding a bike|playing guitar"), timeout=PATIENCE)
    page.wait_for_function(
        "before => document.querySelector('.jp-OutputArea .vega-embed')?.innerHTML != before", arg=before
    )


def test_what_cannot_be_is_said_in_two_lines(page):
    names(page, "drawing a bow\ndrawing  a bow")
    alert = page.locator(".jp-OutputArea [role=alert]").first
    expect(alert).to_contain_text("comes twice", timeout=PATIENCE)
    assert len([line for line in alert.inner_text().splitlines() if line.strip()]) == 2
    names(page, "drawing a bow\nriding a bike")
    expect(page.locator(".jp-OutputArea [role=alert]")).to_have_count(0, timeout=PATIENCE)


def test_the_projects_own_notebook_is_untouched(page, project):
    page.keyboard.press("Control+s")
    assert (project / "notebooks" / "00_quickstart.ipynb").read_bytes() == (
        ROOT / "notebooks" / "00_quickstart.ipynb"
    ).read_bytes()
