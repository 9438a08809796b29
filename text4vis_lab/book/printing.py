"""The whole book as one PDF: its pages in their order, printed by Chromium.

python -m text4vis_lab.book.printing [book.pdf]
"""

import html
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, Tag

from .building import HTML, SOURCE

PDF = HTML.parent / "text4vis-lab.pdf"
WHOLE = "whole-book.html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 300
LINKS = (("a", "href"), ("img", "src"), ("video", "src"), ("video", "poster"), ("source", "src"))


class PrintError(RuntimeError):
    """The book cannot be printed; the message says what is missing, and the remedy."""


def main(target: str = "") -> int:
    """Print the book that was built; the exit status. The path of the PDF is printed."""
    try:
        print(printed(Path(target) if target else PDF).resolve())
    except PrintError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def printed(target: Path) -> Path:
    """The PDF of the book that was built.

    Raises:
        PrintError: there is no book, no Chromium, or it did not print.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise PrintError("no chromium here, which prints the book: install it (Debian, Ubuntu: apt install chromium)")
    if not (HTML / "index.html").exists():
        raise PrintError(f"{HTML} holds no book: run make book first")
    pages = pages_of(yaml.safe_load((SOURCE / "_toc.yml").read_text(encoding="utf-8")))
    whole = HTML / WHOLE
    whole.write_text(joined(HTML, pages), encoding="utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [browser, "--headless", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={target.resolve()}"]
    try:
        with tempfile.TemporaryDirectory() as profile:
            command += [f"--user-data-dir={profile}", "--no-sandbox", whole.resolve().as_uri()]
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise PrintError(f"{browser} did not print {whole} within {SECONDS} s: open it and print it there") from None
    finally:
        whole.unlink(missing_ok=True)
    if done.returncode or not target.exists():
        raise PrintError(f"{browser} did not print the book: {done.stderr.strip()[-300:]}")
    return target


def pages_of(toc: dict) -> list[str]:
    """The pages of a table of contents in their order, without endings."""
    found = [toc["root"]] if "root" in toc else []
    for part in (*toc.get("parts", []), *toc.get("chapters", []), *toc.get("sections", [])):
        found += ([part["file"]] if "file" in part else []) + pages_of(part)
    return found


def joined(folder: Path, pages: list[str]) -> str:
    """One page of HTML that holds all pages of a built book, with links that lead within it.

    Args:
        folder: of the built book.
        pages: in their order, without endings.
    """
    first = BeautifulSoup((folder / f"{pages[0]}.html").read_text(encoding="utf-8"), "html.parser")
    styles = [str(link) for link in first.head.find_all("link", rel="stylesheet")] if first.head else []
    parts = [str(_article(folder, page, set(pages))) for page in pages]
    title = first.title.get_text() if first.title else "The book"
    return (
        '<!doctype html>\n<html lang="en" data-theme="light" data-mode="light"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title>{''.join(styles)}</head>"
        f'<body class="whole-book"><div class="bd-content"><div class="bd-article-container">{"".join(parts)}'
        "</div></div></body></html>\n"
    )


def _article(folder: Path, page: str, pages: set[str]) -> Tag:
    """A page's article, whose names are its own in the whole book."""
    soup = BeautifulSoup((folder / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
    article = soup.find("article")
    assert isinstance(article, Tag)
    for gone in article.find_all("script"):
        gone.decompose()
    for folded in article.select("details.sd-dropdown"):
        folded["open"] = ""
    for named in article.find_all(id=True):
        named["id"] = f"{page}#{named['id']}"
    for tag, attribute in LINKS:
        for link in article.find_all(tag, attrs={attribute: True}):
            link[attribute] = _address(str(link[attribute]), page, pages)
    article["id"] = page
    return article


def _address(link: str, page: str, pages: set[str]) -> str:
    """Where a link of a page leads in the whole book."""
    if ":" in link.split("/")[0]:  # http:, data:
        return link
    path, _, name = link.partition("#")
    place = Path(page).parent
    for step in Path(path).parts if path else ():
        place = place.parent if step == ".." else place / step
    target = place.as_posix().removesuffix(".html") if path else page
    if target in pages:
        return f"#{target}" + (f"#{name}" if name else "")
    return place.as_posix()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
