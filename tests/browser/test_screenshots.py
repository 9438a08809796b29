"""Pages look as they did when somebody last looked at them: python -m browser.test_screenshots, in tests/, keeps them.

Compared are pictures of a few pages whose text does not depend on a run, small and grey, so that other fonts and other
numbers pass and a lost style sheet, a bar across the text or a page in the wrong colours do not.
"""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser.conftest import SCHEMES, WIDTHS, at_once

pytestmark = pytest.mark.slow
KEPT = Path(__file__).parent / "screenshots"
PAGES = ("index.html", "glossary.html", "howto/your_videos.html", "settings.html")
SMALL = {"desk": (180, 112), "phone": (98, 211)}
TOLERANCE = 12  # of 255, mean over the picture


def small(page, width: str) -> np.ndarray:
    """The first screen of a page, small and grey."""
    at_once(page)
    page.evaluate("document.fonts.ready")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("L")
    return np.asarray(picture.resize(SMALL[width], Image.Resampling.BOX))


def kept(name: str, width: str, scheme: str) -> Path:
    """Where the picture of a page lies."""
    return KEPT / f"{name.removesuffix('.html').replace('/', '-')}.{width}.{scheme}.png"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_looks_as_it_did(name, width, scheme, book, open_page):
    found = small(open_page(book / name, width, scheme), width)
    known = np.asarray(Image.open(kept(name, width, scheme)))
    assert np.abs(found.astype(int) - known).mean() < TOLERANCE
