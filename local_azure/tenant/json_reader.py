"""Strict reading of a JSON file, with errors that name the member: `applications[1].app_roles[0].id`."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_REQUIRED: Any = object()
COMMENT = "//"  # a member that is ignored


class TenantFileError(ValueError):
    """The file is invalid. The message names the member and the reason."""


def read_json_object(path: Path) -> "JsonObject":
    """Return the object in the file. Raises TenantFileError, which does not name the file."""
    try:
        return JsonObject(json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_members))
    except OSError as error:
        raise TenantFileError(f"cannot be read ({error.strerror})") from None
    except RecursionError:
        raise TenantFileError("is nested too deeply") from None
    except UnicodeDecodeError:
        raise TenantFileError("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise TenantFileError(f"is not JSON (line {error.lineno}: {error.msg})") from None
    except TenantFileError:
        raise
    except ValueError as error:  # a number with thousands of digits
        raise TenantFileError(f"cannot be read ({error})") from None


def require_distinct(values: Iterable[tuple[str, str]]) -> None:
    """Raise TenantFileError for a duplicate in (path, value) pairs, ignoring case."""
    seen: dict[str, str] = {}
    for path, value in values:
        if value.lower() in seen:
            raise TenantFileError(f"{path}: {value} is already at {seen[value.lower()]}")
        seen[value.lower()] = path


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    names = [name for name, _ in pairs if name != COMMENT]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise TenantFileError(f"{twice} appears twice in one object: {', '.join(members)}")
    return members


class JsonObject:
    """A JSON object and its path in the file. Members are checked as they are read."""

    def __init__(self, value: Any, path: str = "") -> None:
        self.path = path
        if not isinstance(value, dict):
            raise TenantFileError(f"{path or 'the file'}: is not a JSON object")
        self._value: dict[str, Any] = value
        self._known: set[str] = set()

    def path_of(self, name: str) -> str:
        """Return the path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def error(self, name: str, reason: str) -> TenantFileError:
        """Return an error about a member."""
        return TenantFileError(f"{self.path_of(name)}: {reason}")

    def string(self, name: str, default: Any = _REQUIRED, *, like: str = r".+") -> Any:
        """Return a string that matches the regular expression `like`; by default any but the empty one."""
        return self._read(name, default, lambda value: _is_string(value, like), f"is not a text{_hint(like)}")

    def guid(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return a GUID in lower case."""
        return self._read(name, default, lambda value: _is_string(value, _GUID), "is not a GUID in lower case")

    def boolean(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return true or false."""
        return self._read(name, default, lambda value: isinstance(value, bool), "is not true or false")

    def one_of(self, name: str, choices: tuple[Any, ...], default: Any = _REQUIRED) -> Any:
        """Return one of the choices."""
        listed = ", ".join("null" if choice is None else str(choice) for choice in choices)

        def is_choice(value: Any) -> bool:
            # In Python, True equals 1.
            return value in choices and not isinstance(value, bool)

        return self._read(name, default, is_choice, f"is not one of {listed}")

    def strings(self, name: str, default: Any = _REQUIRED, *, like: str = r".+") -> tuple[Any, ...]:
        """Return a list of strings that match `like`."""
        complaint = f"is not a list of texts{_hint(like)}"
        return tuple(self._read(name, default, lambda value: _are_strings(value, like), complaint))

    def guids(self, name: str) -> tuple[str, ...]:
        """Return a list of GUIDs in lower case, empty if the member is missing."""
        complaint = "is not a list of GUIDs in lower case"
        return tuple(self._read(name, (), lambda value: _are_strings(value, _GUID), complaint))

    def references(self, name: str, targets: Mapping[str, T]) -> tuple[T, ...]:
        """Return the targets of a list of names, empty if the member is missing."""
        names = self.strings(name, ())
        for index, one in enumerate(names):
            if one not in targets:
                raise self.error(f"{name}[{index}]", f"nothing that can stand here is called {one}")
        return tuple(targets[one] for one in names)

    def objects(self, name: str, parse: "Callable[[JsonObject], T]") -> tuple[T, ...]:
        """Return a list of objects, parsed with `parse`, empty if the member is missing."""
        return tuple(self._parsed(name, parse))

    def reject_unknown_members(self) -> None:
        """Raise TenantFileError for a member that was not read: usually a misspelled name."""
        for name in self._value.keys() - self._known - {COMMENT}:
            raise self.error(name, f"is not known here; known are {', '.join(sorted(self._known))}")

    def _parsed(self, name: str, parse: "Callable[[JsonObject], T]") -> Iterator[T]:
        values = self._read(name, [], lambda value: isinstance(value, list), "is not a list")
        for index, value in enumerate(values):
            member = JsonObject(value, f"{self.path_of(name)}[{index}]")
            yield parse(member)
            member.reject_unknown_members()

    def _read(self, name: str, default: Any, is_valid: Callable[[Any], bool], complaint: str) -> Any:
        self._known.add(name)
        if name not in self._value and default is not _REQUIRED:
            return default
        if name not in self._value:
            raise self.error(name, "is missing")
        if not is_valid(self._value[name]):
            raise self.error(name, complaint)
        return self._value[name]


def _is_string(value: Any, like: str) -> bool:
    return isinstance(value, str) and re.fullmatch(like, value) is not None


def _are_strings(value: Any, like: str) -> bool:
    return isinstance(value, list) and all(_is_string(item, like) for item in value)


def _hint(like: str) -> str:
    return "" if like == ".+" else f" like {like}"
