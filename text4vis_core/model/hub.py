"""Files of the Hugging Face Hub: those in the cache first, and one error, soon, where there is no network.

huggingface_hub itself asks the Hub about what it has, and where there is no network asks six times, for most of a
minute, before it uses the cache or gives up.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub import constants
from huggingface_hub.utils import get_session

from ..files import first_line


def fetch(model: str, what: str, make: Callable[[], Any]) -> Any:
    """What `make` gives from the cache on this machine, else with files of the Hub where it answers.

    Args:
        model, what: for the message: who needs it, and what it is.
        make: reads files of the Hub through huggingface_hub or transformers. A ValueError, which says what to do, when
            they are not here and cannot be fetched.
    """
    try:
        with cache_only():
            return make()
    except Exception:  # every library has its own for what is not there
        problem = "the Hugging Face Hub does not answer"
    if _hub_answers():
        try:
            return make()
        except Exception as error:
            problem = f"the Hugging Face Hub does not give it ({first_line(error)})"
    # Outside of the handlers, so that no retries and sockets are shown with it.
    raise ValueError(
        f"model {model} needs {what}: not in the cache of this machine, and {problem}. Load the model once "
        f"where there is a network and take the cache along (HF_HOME), or give a folder with open_clip_config.json, "
        f"weights as .safetensors and the tokenizer's files"
    )


@contextmanager
def cache_only() -> Iterator[None]:
    """Nothing is asked of the Hub meanwhile, and nobody logs that it was not."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        with quiet(logging.ERROR):
            yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def quiet(level: int = logging.WARNING) -> Iterator[None]:
    """Nothing of this level or below is logged meanwhile."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)


def _hub_answers() -> bool:
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=5)
    except Exception:  # those of an HTTP library, which one depends on huggingface_hub's version
        return False
    return True
