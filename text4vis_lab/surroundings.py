"""What a run finds around it: its kernel and environment, folders that it can write to, and locks.

A run is to give the same figures whatever the shell has set that it was started from, and whatever its user keeps in
their home; so a suite's runs see none of it (`of_a_run`). Locks end with the process that holds them, however it ends.

    python -m text4vis_lab.surroundings COMMAND ...      # as `make` starts Snakemake and JupyterLab
"""

import contextlib
import errno
import os
import re
import shutil
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from text4vis_core.files import first_line

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment]

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # as Lustre answers where it is mounted without `flock`
SILENCE = 60.0  # seconds after which a process has given no sign of life: another machine may see a file's time late
NAME = "text4vis-lab"  # of folders for users
TEMPORARY = "t4v-"  # so begin folders of temporary files
WRITER = ".writer"  # in the folder of a run, locked by who writes to it
INLINE = "module://matplotlib_inline.backend_inline"  # figures go to the notebook
# Of a shell, and of no business of a run: other kernels, windows for figures, what is executed first.
FOREIGN = ("JUPYTER_PATH", "JUPYTER_CONFIG_DIR", "JUPYTER_CONFIG_PATH", "MATPLOTLIBRC", "MPLBACKEND", "PYTHONSTARTUP")

_written: dict[Path, int] = {}  # locks on folders of runs that this process writes to
_temporary: list[str] = []


@contextlib.contextmanager
def of_a_run(cores: int) -> Iterator[None]:
    """Let this process's children find the surroundings of a suite's run, until the block ends.

    Kernels and figures are this Python's and the notebook's; IPython's and matplotlib's configuration is nobody's;
    temporary files go to a folder that is removed at the end.

    Args:
        cores: threads that each library may use.
    """
    before, caches = dict(os.environ), cache_folder()
    with temporary_folder() as temporary:
        for name in FOREIGN:
            os.environ.pop(name, None)
        os.environ.update(
            JUPYTER_PREFER_ENV_PATH="1",
            IPYTHONDIR=str(own_folder(Path(temporary, "ipython"))),
            TMPDIR=temporary,
            MPLCONFIGDIR=str(own_folder(caches / "matplotlib")),  # kept: listing the fonts takes seconds
            TORCHINDUCTOR_CACHE_DIR=compiled_folder(caches),
            MPLBACKEND=INLINE,
            OMP_NUM_THREADS=str(cores),
            MKL_NUM_THREADS=str(cores),
            PYTHONHASHSEED="0",
            # Where glibc is the C library: it gives the memory of large tensors back after each use, and taking it anew
            # costs more than some of the layers.
            MALLOC_MMAP_THRESHOLD_=str(2**30),
            MALLOC_TRIM_THRESHOLD_=str(2**30),
        )
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def of_a_command() -> dict[str, str]:
    """The environment of Snakemake and JupyterLab: kernels are this Python's, and there are folders to write to.

    Where the user's caches cannot be written to, their own files go where `cache_folder` says; weights are read where
    they were.
    """
    environment = {name: value for name, value in os.environ.items() if name not in ("JUPYTER_PATH", "MPLBACKEND")}
    environment["JUPYTER_PREFER_ENV_PATH"] = "1"
    folder, usual = cache_folder(), Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    if folder.name != NAME:
        weights = {"HF_HOME": usual / "huggingface", "TORCH_HOME": usual / "torch"}
        environment = {name: str(path) for name, path in weights.items()} | environment
        parts = {"IPYTHONDIR": "ipython", "JUPYTER_CONFIG_DIR": "jupyter/config", "JUPYTER_DATA_DIR": "jupyter/data"}
        environment |= {name: str(folder / part) for name, part in parts.items()} | {"XDG_CACHE_HOME": str(folder)}
    return environment


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """A folder for temporary files, which is removed at the end; within the folder of a run, that.

    Its path is short, for workers put sockets there, whose paths have a hundred characters at most.
    """
    if Path(tempfile.gettempdir()).name.startswith(TEMPORARY):
        yield tempfile.gettempdir()
        return
    with tempfile.TemporaryDirectory(prefix=TEMPORARY) as folder:
        _temporary.append(folder)
        try:
            yield folder
        finally:
            _temporary.remove(folder)


def compiled_folder(caches: Path) -> str:
    """Where PyTorch keeps what it has compiled, which is executed: what the environment says, or a folder of one's own.

    Its own choice, in the temporary folder, has a name under which another user may have put something.
    """
    return os.environ.get("TORCHINDUCTOR_CACHE_DIR") or str(own_folder(caches / "torchinductor"))


def clear_up() -> None:
    """Remove the temporary folders of runs, before this process ends at once."""
    for folder in _temporary:
        shutil.rmtree(folder, ignore_errors=True)


def own_kernel() -> type:
    """A class of kernel managers for papermill, whose kernel `python3` is of this Python and of no folder."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from traitlets import default

    class OwnKernel(AsyncKernelManager):
        @default("kernel_spec_manager")
        def _of_no_folder(self) -> KernelSpecManager:
            return KernelSpecManager(kernel_dirs=[])

    return OwnKernel


def figures_in_notebook() -> None:
    """In a notebook's kernel: show figures there, where the shell that it was started from names a window for them.

    What the notebook itself has chosen stays.
    """
    given = os.environ.get("MPLBACKEND", INLINE)
    if given == INLINE or "IPython" not in sys.modules:
        return
    import matplotlib
    from IPython import get_ipython

    shell = get_ipython()
    windowless = "agg"  # what matplotlib takes for a window where there is no screen
    if hasattr(shell, "kernel") and matplotlib.get_backend().lower() in (given.lower(), windowless):
        shell.enable_matplotlib("inline")


def cache_folder() -> Path:
    """A folder for what may be lost: of the user's caches, or of the temporary folder where that cannot be written to.

    Which is said on stderr.

    Raises:
        PermissionError: the second is somebody else's as well.
    """
    usual = platformdirs.user_cache_path(NAME, appauthor=False)
    try:
        usual.parent.mkdir(parents=True, exist_ok=True)
        own_folder(usual)
        with tempfile.TemporaryFile(dir=usual):
            return usual
    except OSError as error:
        folder = own_folder(Path(tempfile.gettempdir(), f"text4vis-caches-{_user()}"))
        reason = error.strerror or first_line(error)
        print(f"warning: {usual} cannot be written to ({reason}); caches go to {folder}", file=sys.stderr)
        return folder


def own_folder(path: Path) -> Path:
    """A folder that only this user can look into and write to; made where it is missing.

    Raises:
        PermissionError: it is another user's, a link, no folder, or others can write to it; names it and the remedy.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        reason = "it is a link"
    elif not stat.S_ISDIR(found.st_mode):
        reason = "it is no folder"
    elif found.st_uid != _user():
        reason = f"it belongs to another user (number {found.st_uid})"
    elif os.name == "posix" and found.st_mode & 0o022:
        reason = f"others can write to it (mode {stat.S_IMODE(found.st_mode):04o})"
    else:
        if found.st_mode & 0o077:
            path.chmod(0o700)
        return path
    remedy = "remove it, or have its owner do that, and start again"
    raise PermissionError(f"{path} is not this user's own: {reason}; {remedy}")


def write_to(run_dir: Path) -> None:
    """Be the only process that writes to a run's folder, until `leave`, or until this process is gone.

    Of no effect where this process does already. Processes that it forks hold nothing.

    Raises:
        RuntimeError: another process does, or nobody can tell.
    """
    path = run_dir.resolve() / WRITER
    if path not in _written:
        try:
            lock = take(path)
        except OSError as error:  # another user's, a link, a folder
            reason, remedy = error.strerror or error, f"remove {WRITER} in it, or choose another run_dir"
            raise RuntimeError(f"run_dir {run_dir} cannot be locked: {reason}; {remedy}") from error
        if lock is None:
            remedy = "wait for its end, stop it (close its notebook's kernel), or choose another run_dir"
            raise RuntimeError(f"run_dir {run_dir}: {holder(path)} writes to it already; {remedy}")
        _written[path] = lock


def leave(run_dir: Path) -> None:
    """Let other processes write to the folder of a run; of no effect where this one does not."""
    lock = _written.pop(run_dir.resolve() / WRITER, None)
    if lock is not None:
        os.close(lock)


def take(path: Path, *, shared: bool = False) -> int | None:
    """Lock a file, which is made when it is missing; the open file, or None when another process has locked it.

    Closing the file gives the lock back. No program that is started inherits it. On a network file system the lock
    counts on all machines where the system supports that; where it supports no locks at all, a warning says so and
    nothing is locked.

    Raises:
        OSError: the file cannot be opened; so where it is a link.
    """
    try:
        return _lock(path, shared, wait=False)
    except BlockingIOError:
        return None


def wait_for(path: Path) -> int:
    """The same, when no other process has it any more."""
    return _lock(path, shared=False, wait=True)


def _lock(path: Path, shared: bool, wait: bool) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        raise PermissionError(f"{path} is a link, which no lock is; remove it")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        if fcntl is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno not in NO_LOCKS:
            os.close(descriptor)
            raise
        print(f"warning: {path} cannot be locked ({error.strerror}); start nothing twice here", file=sys.stderr)
    if not shared:
        with contextlib.suppress(OSError):  # on a full disk nobody is told who has it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _who().encode(), 0)
    return descriptor


def holder(path: Path) -> str:
    """Who took the lock last: the process, its machine, and its Slurm job if it was one; empty when nobody did."""
    try:
        return path.read_text(encoding="utf-8", errors="backslashreplace")
    except FileNotFoundError:
        return ""


def is_alive(path: Path, now: float | None = None) -> bool:
    """Whether the process that took the lock last is there: its file has a time of this minute, see `signs_of_life`.

    Unlike `take` this gets in nobody's way. Of this machine's processes it is known at once when they are gone.
    """
    try:
        heard = path.stat().st_mtime
    except OSError:
        return False
    found = re.match(r"process (\d+) on (.+?)(?:, Slurm job|$)", holder(path))
    if found and found[2] == socket.gethostname() and not Path("/proc", found[1]).exists() and Path("/proc/1").exists():
        return False
    return (time.time() if now is None else now) - heard < SILENCE


def _who() -> str:
    job = f", Slurm job {os.environ['SLURM_JOB_ID']}" if "SLURM_JOB_ID" in os.environ else ""
    return f"process {os.getpid()} on {socket.gethostname()}{job}"


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # as Windows says of every file


def _hold_nothing() -> None:
    """In a forked process, which would keep the locks of one that was killed."""
    for lock in _written.values():
        os.close(lock)
    _written.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_hold_nothing)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("error: say which command, as in: python -m text4vis_lab.surroundings snakemake --help")
    os.execvpe(sys.argv[1], sys.argv[1:], of_a_command())
