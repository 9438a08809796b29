"""Kept files in JSON: written with a seal, read by a schema. A wrong one is named, with its field and the remedy.

The seal is the SHA-256 of all else that the file holds. It shows damage and edits without care, not malice: who means
to deceive can compute it as well.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from .plain import plain, readable, write_json

SEAL = "seal"


class Schema(BaseModel):
    """What a kind of file must hold: fields of just these types. It may hold more."""

    model_config = ConfigDict(strict=True, extra="allow")


@dataclass(frozen=True)
class Kind:
    """A kind of kept file.

    Attributes:
        name: what it is called, "a run record".
        schema: what it must hold.
        remedy: what to do about a wrong one, "delete it and run again".
        error: what is raised, a ValueError.
    """

    name: str
    schema: type[Schema]
    remedy: str
    error: type[ValueError] = ValueError

    def write(self, path: Path, content: Mapping[str, Any]) -> None:
        """Write a file with its seal, whole or not at all."""
        values = plain(content)
        write_json(path, values | {SEAL: seal_of(values)})

    def read(self, path: Path) -> dict[str, Any]:
        """What `write` wrote, without the seal.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is no JSON, not of the schema, or not what was written; names file, field and remedy.
        """
        return self.checked(path, self.load(path))

    def load(self, path: Path) -> dict[str, Any]:
        """A file as it is, not checked yet; errors as of `read`."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise
        except (OSError, ValueError, RecursionError) as error:
            raise self.wrong(path, error) from error
        if not isinstance(found, dict):
            raise self.wrong(path, "it holds no fields by name")
        return found

    def checked(self, path: Path, found: dict[str, Any], sealed: bool = True) -> dict[str, Any]:
        """What `load` gave, without its seal, if it is right; `sealed=False` of a file from before there were seals."""
        if wrong := first_wrong(self.schema, found):
            raise self.wrong(path, wrong)
        if sealed and found.get(SEAL) != seal_of(found):
            changed = "is not that of its content, which was changed after it was written"
            reason = changed if SEAL in found else "is missing"
            raise self.wrong(path, f"field {SEAL!r} {reason}")
        return {name: value for name, value in found.items() if name != SEAL}

    def wrong(self, path: Path, reason: object) -> ValueError:
        """The error about a file."""
        return self.error(f"{path} is not {self.name} ({readable(reason, 300)}); {self.remedy}")


def first_wrong(schema: type[Schema], found: Any) -> str:
    """In what a value is first not of a schema, "field 'rows[0].top1': Field required"; empty where it is."""
    try:
        schema.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{readable(part)}" for part in first["loc"])
        return f"field {place.lstrip('.')!r}: {first['msg']}"
    return ""


def seal_of(content: Mapping[str, Any]) -> str:
    """SHA-256 of plain values by name, but for the seal among them."""
    values = {name: value for name, value in content.items() if name != SEAL}
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
