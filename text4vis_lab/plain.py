"""Plain values as JSON files."""

import json
import math
from pathlib import Path
from typing import Any

from text4vis_core.files import replacing


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; NaN becomes null."""
    text = json.dumps(plain(value), indent=1, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def plain(value: Any) -> Any:
    """Plain JSON values: arrays and tensors as lists, NaN as None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Path):
        return value.as_posix()
    raise ValueError(f"{value!r} of type {type(value).__name__} cannot go into a run record")
