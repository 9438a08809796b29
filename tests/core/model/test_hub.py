"""Files of the Hugging Face Hub: the cache first, one short question before a download, one error. No network."""

import logging

import huggingface_hub
import pytest

from text4vis_core.model import hub


class Session:
    """Stands in for the HTTP session: answers, or is without a network."""

    def __init__(self, answers: bool):
        self.answers, self.requests = answers, []

    def head(self, address, timeout):
        self.requests.append((address, timeout))
        if not self.answers:
            raise OSError("Name or service not known")


class File:
    """A file of the Hub: can be read when it is cached, or when the Hub may be asked and has it."""

    def __init__(self, cached: bool, on_hub: bool = True):
        self.cached, self.on_hub, self.reads = cached, on_hub, []

    def __call__(self):
        offline = huggingface_hub.constants.HF_HUB_OFFLINE
        self.reads.append("cache" if offline else "hub")
        if not self.cached and (offline or not self.on_hub):
            logging.error("no such file")
            raise FileNotFoundError("404: no such file\nand much more")
        return "content"


@pytest.fixture(autouse=True)
def online(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)


@pytest.fixture(params=[True, False], ids=["network", "no network"])
def session(request, monkeypatch) -> Session:
    session = Session(request.param)
    monkeypatch.setattr(hub, "get_session", lambda: session)
    return session


def test_of_a_cached_file_nothing_is_asked(session):
    file = File(cached=True)
    assert hub.fetch("ViT", "its weights", file) == "content"
    assert (file.reads, session.requests) == (["cache"], [])


def test_what_is_not_cached_is_fetched_where_the_hub_answers(session, caplog):
    file = File(cached=False)
    if session.answers:
        assert hub.fetch("ViT", "its weights", file) == "content"
        assert file.reads == ["cache", "hub"]
    else:
        with pytest.raises(ValueError, match=r"model ViT needs its weights: .* the Hugging Face Hub does not answer"):
            hub.fetch("ViT", "its weights", file)
        assert file.reads == ["cache"]
    [(address, timeout)] = session.requests
    assert address == huggingface_hub.constants.ENDPOINT
    assert timeout <= 5
    assert not caplog.records
    assert not huggingface_hub.constants.HF_HUB_OFFLINE


@pytest.mark.parametrize("session", [True], indirect=True)
def test_what_the_hub_does_not_have_is_one_error(session):
    with pytest.raises(ValueError, match=r"does not give it \(404: no such file\)\. Load the model once") as raised:
        hub.fetch("ViT", "its weights", File(cached=False, on_hub=False))
    assert raised.value.__context__ is None
    assert "\n" not in str(raised.value)


def test_a_hub_that_is_switched_off_is_not_asked(session, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="does not answer"):
        hub.fetch("ViT", "its weights", File(cached=False))
    assert not session.requests


def test_the_level_of_logging_is_put_back():
    logging.disable(logging.INFO)
    try:
        with hub.quiet():
            assert not logging.getLogger().isEnabledFor(logging.WARNING)
            assert logging.getLogger().isEnabledFor(logging.ERROR)
        assert logging.root.manager.disable == logging.INFO
    finally:
        logging.disable(logging.NOTSET)
