"""Files: written whole or not at all, and what is wrong with one, in a line."""

import contextlib
import glob
import hashlib
import os
import re
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary file beside `path`, which takes its place when the block ends well, and is gone when it does not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process's number alone: two machines, or containers, that share a folder may have the same.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Remove what `replacing(path)` had begun in processes that were killed; nobody may be writing it now."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        temporary.unlink(missing_ok=True)


def first_line(error: BaseException) -> str:
    """An error in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def why_not_loaded(error: BaseException) -> str:
    """Why a file of tensors was not loaded, without torch's advice on how to load it all the same."""
    text = str(error)
    named = re.search(r"GLOBAL ([A-Za-z_][\w.]*)", text) or re.search(r"[Uu]nsupported class\W+([A-Za-z_][\w.]*)", text)
    if named:
        return f"it holds {named[1]}, which is neither a tensor nor a plain value"
    if "weights only" in text.lower() or "weights_only" in text:
        return "it is damaged, or holds more than tensors and plain values"
    return first_line(error)


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written or read. Names the path and the reason."""


def check_finite(path: str | Path, tensors: Mapping[str, Any], error: type[Exception] = ValueError) -> None:
    """Raise an error that names the file and the tensor, where one holds NaN or infinity: no number would be true."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise error(f"{path}: {name} holds values that are not finite; take another copy, or train it again")


def check_writable(folder: str | Path, remedy: str = "choose another run_dir") -> Path:
    """Make a folder and write to it, so that a run fails (`CheckpointError`) before its training and not after."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CheckpointError(f"cannot write to {folder}: {error.strerror}; {remedy}") from error
    return folder


def last_good(path: str | Path) -> Path:
    """Where the checkpoint before the newest lies."""
    path = Path(path)
    return path.with_name(f"{path.name}.last")


def save_tensors(path: str | Path, state: dict, keep_last: bool = False) -> None:
    """Write a dictionary of tensors and plain values by torch, sealed: `path` always holds a whole file, old or new.

    With `keep_last` the file that was there stays as `last_good(path)`. A `CheckpointError` when it cannot be written.
    """
    import torch
    from torch.utils._pytree import tree_leaves

    try:
        with contextlib.ExitStack() as afterwards:
            if keep_last and Path(path).exists():
                # By a second name for the same file, so that there is no moment at which `path` is missing; and the
                # last good one goes after the new one has come, for what is at `path` now may have been damaged.
                second = afterwards.enter_context(replacing(last_good(path)))
                try:
                    os.link(path, second)
                except OSError:  # a file system without hard links
                    shutil.copyfile(path, second)
            with replacing(path) as temporary, open(temporary, "w+b") as file:
                torch.save(state, file)
                with zipfile.ZipFile(file, "a") as archive:
                    archive.comment = seal_of(archive)
                file.flush()
                os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:
        # Of a full disk torch says "unexpected pos"; what the system said of it is behind that.
        cause = error if isinstance(error, OSError) else error.__context__ or error
        reason = getattr(cause, "strerror", None) or first_line(cause)
        needed = sum(each.nbytes for each in tree_leaves(state) if isinstance(each, torch.Tensor)) / 1e6
        free = shutil.disk_usage(next(filter(Path.is_dir, Path(path).absolute().parents))).free / 1e6
        said = f"{reason}, it needs {needed:.2f} MB, {free:.2f} MB are free; what was saved before is kept"
        raise CheckpointError(f"cannot write checkpoint {path}: {said}: see to it, and start again") from error


def seal_of(archive: zipfile.ZipFile) -> bytes:
    """SHA-256 of what a zip file holds, by its checksums: shows damage and edits without care, not malice."""
    entries = [f"{entry.filename} {entry.file_size} {entry.CRC}\n" for entry in archive.infolist()]
    return hashlib.sha256("".join(entries).encode()).hexdigest().encode()


def read_tensors(path: str | Path, remedy: str, sealed: bool = False) -> Any:
    """A file of tensors and plain values by torch, on the CPU, mapped; nothing else is ever unpickled.

    A `CheckpointError`, which ends with the `remedy`, when it is not there, damaged, or holds more than that; where it
    is to be `sealed`, also when it is not what `save_tensors` wrote.
    """
    import torch  # workers that copy videos import this module and do without

    if not Path(path).is_file():
        found = "it is a folder" if Path(path).is_dir() else "no such file"
        raise CheckpointError(f"cannot read checkpoint {path}: {found}")
    try:
        if is_zip := zipfile.is_zipfile(path):  # torch does not look at its checksums
            with zipfile.ZipFile(path) as file:
                if damaged := file.testzip():
                    raise zipfile.BadZipFile(f"its checksum of {damaged} is not that of what it holds")
                sealed = sealed and file.comment != seal_of(file)
        if sealed:
            raise zipfile.BadZipFile("its seal is not that of what it holds: it was changed after it was written")
        # Mapped, not read: two thirds of a checkpoint are the optimiser's, which nobody may want.
        return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:
        raise CheckpointError(f"cannot read checkpoint {path}: {why_not_loaded(error)}; {remedy}") from error


def file_digest(path: Path) -> str:
    """SHA-256 of a whole file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def code_fingerprint(folder: Path) -> str:
    """SHA-256 over the Python sources below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()
