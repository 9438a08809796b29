"""What the methods of a tournament are, for who meets them first: what the last layer begins with, whether it moves."""

from collections.abc import Iterable

import pandas as pd

from text4vis_core.model.classifier import INITIALISERS

from ..rows import ROLES
from .methods import CONTRASTIVE, LINEAR, LINEAR_TEXT, Method
from .texts import SENTENCES

ROWS = {
    "text": "the class names, as the text encoder embeds them",
    "random": "random numbers",
    "orthogonal": "random rows at right angles to each other",
    "simplex": "random rows, all at the same and largest possible angle to each other (a simplex)",
    "means": "the mean embedding of each class's training videos",
    "lda": "class means of the training videos after linear discriminant analysis (LDA), which counts directions less "
    "in which videos of one class differ among themselves",
    "shuffled": "the text rows, each at the wrong class",
    "rotated": "the text rows after one random rotation: their angles to each other stay, their place does not",
    "nearest simplex": "rows at equal angles to each other that lie as near to the text rows as such rows can",
    "rotated simplex": "rows at equal angles to each other, after the rotation of the rotated text",
    "words": "the class names with random words or characters after them, as the text encoder embeds them",
    "descriptions": "sentences that describe each class, as the text encoder embeds them",
    "paraphrases": "other words for each class, as the text encoder embeds them",
    "typos": "the class names with one typo each, as the text encoder embeds them",
    "other clip": "the class names, as another CLIP's text encoder embeds them",
    "language model": "the class names, as a language model embeds them that never saw a picture",
}
WHOLE = {
    LINEAR: "the usual linear layer with a bias: random numbers, trained with the encoder",
    LINEAR_TEXT: "the usual linear layer with a bias, begun at the text rows and trained with the encoder",
    CONTRASTIVE: "the class names through the text encoder, which is trained with the video encoder (contrastive)",
}


def in_words(method: Method) -> str:
    """What a method's last layer is, such as "random numbers, frozen"; an initialisation of others says it itself."""
    if method.name in WHOLE:
        return WHOLE[method.name]
    name = method.initialisation
    rows = ROWS.get(name) or ((SENTENCES.get(name) or INITIALISERS[name]).__doc__ or name).splitlines()[0].rstrip(".:")
    moves = "frozen" if method.frozen else "trained slowly" if method.slow else "trained with the encoder"
    return f"{rows}; {moves}"


def explained(methods: Iterable[Method]) -> pd.DataFrame:
    """A row for each method, once whatever its settings: method, its last layer in words, and what it knows."""
    rows = [(method.name, in_words(method), ROLES[method.role]) for method in methods]
    return pd.DataFrame(list(dict.fromkeys(rows)), columns=["method", "last layer", "knows"])
