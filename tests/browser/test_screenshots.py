"""Pages look as they did when somebody last looked at them: python -m browser.test_screenshots, in tests/, keeps them.

Compared are the first screens of a few pages, small and grey, in a font that is the same on every machine, and with the
same words in the place of what was found. So other numbers pass, and a lost style, a gap, a bar across the text or a
page in the wrong colours do not.
"""

import base64
import io
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from browser.conftest import HTML, SCHEMES, WIDTHS, at_once, browsing

pytestmark = pytest.mark.slow
KEPT = Path(__file__).parent / "screenshots"
PAGES = ("index.html", "runs/few_shot.html", "glossary.html", "howto/your_videos.html")
PIXEL = {"desk": 16, "phone": 8}  # pixels of the page to one of its picture
TOLERANCE = 3  # of 255, mean over the picture
FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
STILL = """() => {
  for (const e of document.querySelectorAll(".answer, .found, figure")) e.replaceChildren("Found. ".repeat(40))
  return document.fonts.ready.then(() => true)
}"""


def small(browser, name: str, width: str, scheme: str, style: str = "") -> np.ndarray:
    """The first screen of a page of the book, small and grey."""
    x, y = WIDTHS[width]
    context = browser.new_context(viewport={"width": x, "height": y}, color_scheme=scheme)
    page = context.new_page()
    page.goto((HTML / name).as_uri())
    at_once(page)
    source = f"url(data:font/ttf;base64,{base64.b64encode(FONT.read_bytes()).decode()})"
    words = ":not([class*='fa-'], math, math *)"
    page.add_style_tag(
        content=f"@font-face {{font-family: same; src: {source}}} {words} {{font-family: same !important}} {style}"
    )
    page.evaluate(STILL)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("L")
    context.close()
    size = (x // PIXEL[width], y // PIXEL[width])
    return np.asarray(picture.resize(size, Image.Resampling.BOX)).astype(int)


def kept(name: str, width: str, scheme: str) -> Path:
    """Where the picture of a page lies."""
    return KEPT / f"{name.removesuffix('.html').replace('/', '-')}.{width}.{scheme}.png"


def differs(found: np.ndarray, name: str, width: str, scheme: str) -> float:
    """How far a picture is from the one that was kept."""
    return float(np.abs(found - np.asarray(Image.open(kept(name, width, scheme))).astype(int)).mean())


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_looks_as_it_did(name, width, scheme, book, chromium):
    how = "look at the page, and where it is well: python -m browser.test_screenshots, in tests/"
    assert differs(small(chromium, name, width, scheme), name, width, scheme) < TOLERANCE, how


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("fault", ["h1 {margin-bottom: 9rem}", "main {background: #999}", "main p {padding-left: 30%}"])
def test_a_page_that_is_spoilt_does_not(width, fault, book, chromium):
    found = small(chromium, "index.html", width, "light", fault.replace("}", " !important}"))
    assert differs(found, "index.html", width, "light") > TOLERANCE


def keep() -> None:
    """Keep the pictures of the book as it is."""
    KEPT.mkdir(exist_ok=True)
    with browsing() as browser:
        for path, *which in ((kept(n, w, s), n, w, s) for n in PAGES for w in WIDTHS for s in SCHEMES):
            Image.fromarray(small(browser, *which).astype(np.uint8)).save(path, optimize=True)


if __name__ == "__main__":
    keep()
