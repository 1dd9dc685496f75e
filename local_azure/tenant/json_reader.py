"""A strict reader for JSON files. Errors name the member, for example `applications[1].app_roles[0].id`."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_REQUIRED: Any = object()
COMMENT = "//"  # members with this name are ignored


@dataclass(frozen=True, slots=True)
class Format:
    """A string format: a regular expression, and a singular and a plural name for error messages."""

    pattern: str
    one: str
    many: str


_NOT_EMPTY = Format(r".+", "a non-empty string", "non-empty strings")
_GUID = Format(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "a lowercase GUID", "lowercase GUIDs")


class TenantFileError(ValueError):
    """The file is invalid. The message names the member and the reason."""


def read_json_object(path: Path, *, null_is_missing: bool = False) -> "JsonObject":
    """Return the JSON object in a file. Raises TenantFileError. The message does not contain the path.

    With `null_is_missing`, a member with the value null is treated as missing.
    """
    try:
        value = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_members)
        return JsonObject(value, null_is_missing=null_is_missing)
    except OSError as error:
        raise TenantFileError(f"cannot be read ({error.strerror})") from None
    except RecursionError:
        raise TenantFileError("is nested too deeply") from None
    except UnicodeDecodeError:
        raise TenantFileError("is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        raise TenantFileError(f"is not valid JSON (line {error.lineno}: {error.msg})") from None
    except TenantFileError:
        raise
    except ValueError as error:  # for example, a number with thousands of digits
        raise TenantFileError(f"cannot be read ({error})") from None


def require_distinct(values: Iterable[tuple[str, str]]) -> None:
    """Raise TenantFileError if two of the (path, value) pairs have the same value, ignoring case."""
    seen: dict[str, str] = {}
    for path, value in values:
        if value.lower() in seen:
            raise TenantFileError(f"{path} must not have the same value as {seen[value.lower()]}: {value}")
        seen[value.lower()] = path


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    names = [name for name, _ in pairs if name != COMMENT]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise TenantFileError(f"the member {twice} is repeated in the object with the members {', '.join(members)}")
    return members


class JsonObject:
    """A JSON object and its path in the file. Members are checked as they are read."""

    def __init__(self, value: Any, path: str = "", *, null_is_missing: bool = False) -> None:
        self.path = path
        if not isinstance(value, dict):
            raise TenantFileError(f"{path or 'the file'} must be a JSON object")
        self._value: dict[str, Any] = {
            name: member for name, member in value.items() if not (null_is_missing and member is None)
        }
        self._null_is_missing = null_is_missing
        self._known: set[str] = set()

    def path_of(self, name: str) -> str:
        """Return the path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def error(self, name: str, reason: str) -> TenantFileError:
        """Return an error about a member. `reason` completes a sentence that starts with the path of the member."""
        return TenantFileError(f"{self.path_of(name)} {reason}")

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def string(self, name: str, default: Any = _REQUIRED, *, like: Format = _NOT_EMPTY) -> Any:
        """Return a string member in the format `like`, by default any non-empty string."""
        return self._read(name, default, lambda value: _is_string(value, like), f"must be {like.one}")

    def guid(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return a member that is a lowercase GUID."""
        return self.string(name, default, like=_GUID)

    def boolean(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return a Boolean member."""
        return self._read(name, default, lambda value: isinstance(value, bool), "must be true or false")

    def one_of(self, name: str, choices: tuple[Any, ...], default: Any = _REQUIRED) -> Any:
        """Return a member that is one of `choices`."""
        listed = ", ".join("null" if choice is None else str(choice) for choice in choices)

        def is_choice(value: Any) -> bool:
            # In Python, True equals 1.
            return value in choices and not isinstance(value, bool)

        return self._read(name, default, is_choice, f"must be one of {listed}")

    def strings(self, name: str, default: Any = _REQUIRED, *, like: Format = _NOT_EMPTY) -> tuple[Any, ...]:
        """Return a member that is a list of strings in the format `like`."""
        complaint = f"must be a list of {like.many}"
        return tuple(self._read(name, default, lambda value: _are_strings(value, like), complaint))

    def guids(self, name: str) -> tuple[str, ...]:
        """Return a member that is a list of lowercase GUIDs, or an empty tuple if the member is missing."""
        return self.strings(name, (), like=_GUID)

    def references(self, name: str, targets: Mapping[str, T]) -> tuple[T, ...]:
        """Return the values in `targets` for a list of names, or an empty tuple if the member is missing."""
        names = self.strings(name, ())
        for index, one in enumerate(names):
            if one not in targets:
                raise self.error(f"{name}[{index}]", f"must be the name of an entry in the file: {one} is unknown")
        return tuple(targets[one] for one in names)

    def object(self, name: str) -> "JsonObject":
        """Return a member that is an object, or an empty object if the member is missing."""
        value = self._read(name, {}, lambda value: isinstance(value, dict), "must be a JSON object")
        return JsonObject(value, self.path_of(name), null_is_missing=self._null_is_missing)

    def objects(self, name: str, parse: "Callable[[JsonObject], T]") -> tuple[T, ...]:
        """Parse a member that is a list of objects. Returns an empty tuple if the member is missing."""
        return tuple(self._parsed(name, parse))

    def reject_unknown_members(self) -> None:
        """Raise TenantFileError for a member that was never read, because the name is probably misspelled."""
        for name in self._value.keys() - self._known - {COMMENT}:
            raise self.error(name, f"is unknown. Known members: {', '.join(sorted(self._known)) or 'none'}")

    def _parsed(self, name: str, parse: "Callable[[JsonObject], T]") -> Iterator[T]:
        values = self._read(name, [], lambda value: isinstance(value, list), "must be a list")
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
