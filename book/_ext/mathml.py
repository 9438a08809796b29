"""Sphinx extension: formulas as MathML, which browsers draw themselves, so that no script has to be fetched."""

from __future__ import annotations

from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import accents, tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
ElementTree.register_namespace("", NAMESPACE)
logger = logging.getLogger(__name__)


def to_mathml(tex: str, as_block: bool) -> str:
    r"""MathML of a LaTeX formula, drawn by docutils.

    Of `\hat{t}_c` docutils makes a t with a hat above and the c right below, where LaTeX puts the c to the right.

    Raises MathError for what docutils does not know.
    """
    text = tex2mathml(tex, as_block=as_block).replace("&ApplyFunction;", "\u2061")  # its one name that XML lacks
    math = ElementTree.fromstring(text)
    for both in list(math.iter(f"{{{NAMESPACE}}}munderover")):
        base, under, over = both
        if over.text in accents.values():
            accented = ElementTree.Element(f"{{{NAMESPACE}}}mover", accent="true")
            accented.extend([base, over])
            both.tag = f"{{{NAMESPACE}}}msub"
            both[:] = [accented, under]
    return ElementTree.tostring(math, encoding="unicode")


def _convert(self: HTML5Translator, node: nodes.math | nodes.math_block, as_block: bool) -> str:
    try:
        return to_mathml(node.astext(), as_block)
    except MathError as error:
        logger.warning("formula cannot be drawn: %s", error, location=node)
        return f"<code>{self.encode(node.astext())}</code>"


def _visit_math(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(_convert(self, node, as_block=False))
    raise nodes.SkipNode


def _visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})</span>')
    self.body.append(_convert(self, node, as_block=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (_visit_math, None), (_visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
