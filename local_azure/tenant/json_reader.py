"""Strict reading of a JSON file, with errors that name the member: `applications[1].app_roles[0].id`."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_REQUIRED: Any = object()
COMMENT = "//"  # a member that is ignored


@dataclass(frozen=True, slots=True)
class Format:
    """A format of strings: its regular expression, and its name for messages, in the singular and in the plural."""

    pattern: str
    one: str
    many: str


_NOT_EMPTY = Format(r".+", "a string, or is empty", "strings that are not empty")
_GUID = Format(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "a GUID in lower case", "GUIDs in lower case"
)


class TenantFileError(ValueError):
    """The file is invalid. The message names the member and the reason."""


def read_json_object(path: Path, *, null_is_missing: bool = False) -> "JsonObject":
    """Return the object in the file. Raises TenantFileError, which does not name the file."""
    try:
        value = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_members)
        return JsonObject(value, null_is_missing=null_is_missing)
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

    def __init__(self, value: Any, path: str = "", *, null_is_missing: bool = False) -> None:
        self.path = path
        if not isinstance(value, dict):
            raise TenantFileError(f"{path or 'the file'}: is not a JSON object")
        self._value: dict[str, Any] = {
            name: member for name, member in value.items() if not (null_is_missing and member is None)
        }
        self._null_is_missing = null_is_missing
        self._known: set[str] = set()

    def path_of(self, name: str) -> str:
        """Return the path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def error(self, name: str, reason: str) -> TenantFileError:
        """Return an error about a member."""
        return TenantFileError(f"{self.path_of(name)}: {reason}")

    def __contains__(self, name: str) -> bool:
        """Return whether the object has this member."""
        return name in self._value

    def string(self, name: str, default: Any = _REQUIRED, *, like: Format = _NOT_EMPTY) -> Any:
        """Return a string in the format `like`; by default any but the empty one."""
        return self._read(name, default, lambda value: _is_string(value, like), f"is not {like.one}")

    def guid(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return a GUID in lower case."""
        return self.string(name, default, like=_GUID)

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

    def strings(self, name: str, default: Any = _REQUIRED, *, like: Format = _NOT_EMPTY) -> tuple[Any, ...]:
        """Return a list of strings in the format `like`."""
        complaint = f"is not a list of {like.many}"
        return tuple(self._read(name, default, lambda value: _are_strings(value, like), complaint))

    def guids(self, name: str) -> tuple[str, ...]:
        """Return a list of GUIDs in lower case, empty if the member is missing."""
        return self.strings(name, (), like=_GUID)

    def references(self, name: str, targets: Mapping[str, T]) -> tuple[T, ...]:
        """Return the targets of a list of names, empty if the member is missing."""
        names = self.strings(name, ())
        for index, one in enumerate(names):
            if one not in targets:
                raise self.error(f"{name}[{index}]", f"the file has no such entry named {one}")
        return tuple(targets[one] for one in names)

    def object(self, name: str) -> "JsonObject":
        """Return an object, empty if the member is missing."""
        value = self._read(name, {}, lambda value: isinstance(value, dict), "is not a JSON object")
        return JsonObject(value, self.path_of(name), null_is_missing=self._null_is_missing)

    def objects(self, name: str, parse: "Callable[[JsonObject], T]") -> tuple[T, ...]:
        """Return a list of objects, parsed with `parse`, empty if the member is missing."""
        return tuple(self._parsed(name, parse))

    def reject_unknown_members(self) -> None:
        """Raise TenantFileError for a member that was not read: usually a misspelled name."""
        for name in self._value.keys() - self._known - {COMMENT}:
            raise self.error(name, f"is unknown; known are {', '.join(sorted(self._known)) or 'none'}")

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


def _is_string(value: Any, like: Format) -> bool:
    return isinstance(value, str) and re.fullmatch(like.pattern, value) is not None


def _are_strings(value: Any, like: Format) -> bool:
    return isinstance(value, list) and all(_is_string(item, like) for item in value)
