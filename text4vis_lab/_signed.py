"""What is read only when it is signed: by a secret of a call, which its processes have and nobody else.

A file begins with the signature (HMAC-SHA256) of its name and of what follows. The processes of one machine inherit the
secret; other machines read it from `processes.key` in the folder of the run, which only this user may read.
"""

import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from text4vis_core.files import replacing

SECRET = "processes.key"
LENGTH = 32  # bytes of a secret, and of a signature


class NotSigned(RuntimeError):
    """A file is not signed by the run, or its secret is not this user's alone. Names the file and the remedy."""


@contextmanager
def shared(folder: Path, key: bytes) -> Iterator[None]:
    """Let the user's other machines read the secret of a call in the folder of its run, until the block ends."""
    path = folder / SECRET
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(key)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def new_secret() -> bytes:
    """A secret of a call."""
    return secrets.token_bytes(LENGTH)


def secret_of(folder: Path) -> bytes:
    """The secret of a run's call, on another machine; a `NotSigned` when it cannot be read, or others could."""
    path = folder / SECRET
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise NotSigned(f"{path} cannot be read: {error.strerror}; the run makes it when it calls") from error
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise NotSigned(f"{path} is not this user's alone; remove it, and start the run again")
        return file.read()


def write_signed(path: Path, data: bytes, key: bytes) -> None:
    """Write what will be read, with its signature before it."""
    with replacing(path) as temporary:
        temporary.write_bytes(_signature(path, data, key) + data)


def read_signed(path: Path, key: bytes) -> bytes:
    """What was written with the same secret to a file of this name; a `NotSigned` when it was not."""
    content = path.read_bytes()
    signature, data = content[:LENGTH], content[LENGTH:]
    if not hmac.compare_digest(signature, _signature(path, data, key)):
        raise NotSigned(f"{path} is not signed by this run, and left alone; remove it")
    return data


def _signature(path: Path, data: bytes, key: bytes) -> bytes:
    return hmac.digest(key, path.name.encode() + b"\0" + data, "sha256")
