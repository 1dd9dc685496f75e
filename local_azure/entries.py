"""Reading a JSON file by hand-written rules, with errors that point at the entry: `applications[1].app_roles[0].id`."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_REQUIRED: Any = object()
COMMENT = "//"  # a member for people


class EntryError(ValueError):
    """Something in the file is not as it has to be. The message names the entry and the reason."""


def read(path: Path) -> "Entry":
    """The object that the file holds. Raises EntryError, which does not name the file."""
    try:
        return Entry(json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_members))
    except OSError as error:
        raise EntryError(f"cannot be read ({error.strerror})") from None
    except RecursionError:
        raise EntryError("is nested too deeply") from None
    except UnicodeDecodeError:
        raise EntryError("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise EntryError(f"is not JSON (line {error.lineno}: {error.msg})") from None
    except EntryError:
        raise
    except ValueError as error:  # a number of thousands of digits
        raise EntryError(f"cannot be read ({error})") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    names = [name for name, _ in pairs if name != COMMENT]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise EntryError(f"{twice} appears twice in one object: {', '.join(members)}")
    return members


class Entry:
    """One JSON object of the file and where it stands. Members that nobody asked for are an error (see `done`)."""

    def __init__(self, value: Any, path: str = "") -> None:
        self.path = path
        if not isinstance(value, dict):
            raise EntryError(f"{path or 'the file'}: is not a JSON object")
        self._value: dict[str, Any] = value
        self._asked: set[str] = set()

    def at(self, name: str) -> str:
        """Where the member stands."""
        return f"{self.path}.{name}" if self.path else name

    def fault(self, name: str, what: str) -> EntryError:
        """An error about a member, to be raised."""
        return EntryError(f"{self.at(name)}: {what}")

    def text(self, name: str, default: Any = _REQUIRED, *, like: str = r".+") -> Any:
        """A string that is not empty; `like` is a regular expression for the whole of it."""
        return self._read(name, default, lambda value: _is_text(value, like), f"is not a text{_hint(like)}")

    def guid(self, name: str, default: Any = _REQUIRED) -> Any:
        """A GUID in lower case."""
        return self._read(name, default, lambda value: _is_text(value, _GUID), "is not a GUID in lower case")

    def flag(self, name: str, default: Any = _REQUIRED) -> Any:
        """True or false."""
        return self._read(name, default, lambda value: isinstance(value, bool), "is not true or false")

    def one_of(self, name: str, choices: tuple[Any, ...], default: Any = _REQUIRED) -> Any:
        """One of the choices."""
        listed = ", ".join("null" if choice is None else str(choice) for choice in choices)

        def fits(value: Any) -> bool:
            # In Python true equals 1, in a file it does not.
            return value in choices and not isinstance(value, bool)

        return self._read(name, default, fits, f"is not one of {listed}")

    def texts(self, name: str, default: Any = _REQUIRED, *, like: str = r".+") -> tuple[Any, ...]:
        """A list of strings, each as with `text`."""
        complaint = f"is not a list of texts{_hint(like)}"
        return tuple(self._read(name, default, lambda value: _are_texts(value, like), complaint))

    def guids(self, name: str) -> tuple[str, ...]:
        """A list of GUIDs in lower case; empty where the member is not there."""
        complaint = "is not a list of GUIDs in lower case"
        return tuple(self._read(name, (), lambda value: _are_texts(value, _GUID), complaint))

    def named(self, name: str, known: Mapping[str, T]) -> tuple[T, ...]:
        """What a list of names stands for; empty where the member is not there."""
        names = self.texts(name, ())
        for index, one in enumerate(names):
            if one not in known:
                raise self.fault(f"{name}[{index}]", f"nothing that can stand here is called {one}")
        return tuple(known[one] for one in names)

    def entries(self, name: str, read: "Callable[[Entry], T]") -> tuple[T, ...]:
        """A list of objects, each read by `read`; empty where the member is not there."""
        return tuple(self._each(name, read))

    def done(self) -> None:
        """Raise for members that nobody asked for: most often a misspelt name. A member `//` is a comment."""
        for name in self._value.keys() - self._asked - {COMMENT}:
            raise self.fault(name, f"is not known here; known are {', '.join(sorted(self._asked))}")

    def _each(self, name: str, read: "Callable[[Entry], T]") -> Iterator[T]:
        values = self._read(name, [], lambda value: isinstance(value, list), "is not a list")
        for index, value in enumerate(values):
            entry = Entry(value, f"{self.at(name)}[{index}]")
            yield read(entry)
            entry.done()

    def _read(self, name: str, default: Any, fits: Callable[[Any], bool], complaint: str) -> Any:
        self._asked.add(name)
        if name not in self._value and default is not _REQUIRED:
            return default
        if name not in self._value:
            raise self.fault(name, "is missing")
        if not fits(self._value[name]):
            raise self.fault(name, complaint)
        return self._value[name]


def _is_text(value: Any, like: str) -> bool:
    return isinstance(value, str) and re.fullmatch(like, value) is not None


def _are_texts(value: Any, like: str) -> bool:
    return isinstance(value, list) and all(_is_text(item, like) for item in value)


def _hint(like: str) -> str:
    return "" if like == ".+" else f" like {like}"
