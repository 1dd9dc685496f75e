"""Bicep as far as tests need it: what a file declares, and whether what it refers to is there.

No compiler: types and the properties of resources are not checked. Strict in what it does read: a declaration, a
bracket or a string that it cannot follow is an error, so that a file it accepts is one that it has understood.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.support.bicep_deployment import FUNCTIONS

NAMESPACES = {"az", "sys"}
WORDS = {"true", "false", "null", "if", "for", "in", "existing", "parent", "string", "int", "bool", "object", "array"}
DECORATORS = {"description", "allowed", "minLength", "maxLength", "minValue", "maxValue", "metadata", "secure"}

_DECLARATION = re.compile(
    r"^(?P<indent> *)(?:"
    r"(?P<kind>param|var|output|resource|module|type|func)\s+(?P<name>\w+)"
    r"|(?P<word>targetScope|extension|metadata|import)\b"
    r"|(?P<decorator>@)"
    r"|(?P<other>\S))",
    re.MULTILINE,
)


class BicepError(Exception):
    """The file is not well formed; the message has its name and line."""


@dataclass(frozen=True)
class Declaration:
    """`head` is the rest of its first line, `body` all of it, strings kept."""

    kind: str
    name: str
    head: str
    body: str = field(repr=False)

    @property
    def string(self) -> str:
        """The first string of the head: a resource's type and version, a module's path."""
        found = re.search(r"'([^']*)'", self.head)
        return found[1] if found else ""

    def object(self, key: str) -> str:
        """The text between the brackets that follow `key:`, nested ones included."""
        found = re.search(rf"^\s*{key}:[^\n]*?([({{\[])", self.body, re.MULTILINE)
        if not found:
            return ""
        text, start = blank(self.body)[0], found.end()
        depth = 1
        for position in range(start, len(text)):
            depth += (text[position] in "({[") - (text[position] in ")}]")
            if depth == 0:
                return self.body[start:position]
        return ""

    def keys(self, key: str) -> set[str]:
        """The keys on the first level of that object."""
        text, depth = self.object(key), 0
        shallow = []
        for line, plain in zip(text.splitlines(), blank(text)[0].splitlines(), strict=True):
            if depth == 0:
                shallow.append(line)
            depth += sum(plain.count(bracket) for bracket in "({[") - sum(plain.count(bracket) for bracket in ")}]")
        return set(re.findall(r"^\s*([\w]+):", "\n".join(shallow), re.MULTILINE))


@dataclass(frozen=True)
class Bicep:
    """One file."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def code(self) -> str:
        """The text without comments and without what strings say, interpolations kept."""
        code, open_brackets = blank(self.text)
        if open_brackets:
            raise BicepError(f"{self.path.name}: {open_brackets}")
        return code

    @cached_property
    def declarations(self) -> list[Declaration]:
        """All that is declared, nested resources included."""
        found = []
        depths = _depths(self.code)
        for match in _DECLARATION.finditer(self.code):
            nested = depths[match.start()] > 0
            if nested and match["kind"] != "resource":
                continue
            if match["other"] and match["other"] not in ")}]?:":
                line = self.code.count("\n", 0, match.start()) + 1
                raise BicepError(f"{self.path.name}:{line}: neither a declaration nor a part of one")
            if match["kind"]:
                end = _end(self.code, match.end())
                head = self.text[match.end() : self.text.index("\n", match.end())]
                found.append(Declaration(match["kind"], match["name"], head, self.text[match.start() : end]))
        return found

    def named(self, kind: str) -> dict[str, Declaration]:
        named = {each.name: each for each in self.declarations if each.kind == kind}
        if len(named) != sum(each.kind == kind for each in self.declarations):
            raise BicepError(f"{self.path.name}: a {kind} is declared twice")
        return named

    @property
    def required(self) -> set[str]:
        """Parameters without a default."""
        return {name for name, each in self.named("param").items() if "=" not in blank(each.head)[0]}

    @cached_property
    def references(self) -> set[str]:
        """Every name that is used, other than as a property, a key, or in its own declaration."""
        code = re.sub(r"\b(?:param|var|output|resource|module)\s+\w+", "", self.code)
        code = re.sub(r"^(?:targetScope|extension.*)", "", code, flags=re.MULTILINE)
        code = re.sub(r"@\w+", "", code)
        return set(re.findall(r"(?<![\w.])(?<!\.\?)[A-Za-z_]\w*(?!\w|:)", code))

    def undeclared(self) -> set[str]:
        declared = {each.name for each in self.declarations}
        lambdas = set(re.findall(r"(\w+) =>", self.text))
        return self.references - declared - lambdas - FUNCTIONS.keys() - NAMESPACES - WORDS

    def unused(self) -> set[str]:
        def counts(each: Declaration) -> bool:
            return each.kind in ("param", "var") or (each.kind == "resource" and " existing " in each.head)

        return {each.name for each in self.declarations if counts(each)} - self.references

    def outputs_used(self) -> set[tuple[str, str]]:
        """(module, output) for each use of a module's output."""
        return set(re.findall(r"\b(\w+)!?\.outputs\.(\w+)", self.code))


def blank(text: str) -> tuple[str, str]:
    """`text` with comments and strings blanked (interpolations kept), and what is left open at its end, if anything."""
    out: list[str] = []
    stack: list[str] = []  # closing brackets awaited; "'" inside a string, "$" inside an interpolation
    closing = {"(": ")", "[": "]", "{": "}"}
    position = 0
    while position < len(text):
        here, two = text[position], text[position : position + 2]
        if stack and stack[-1] == "'":
            if here == "\n":
                return "", f"a string is open at the end of line {text.count(chr(10), 0, position) + 1}"
            if here == "\\":
                out.append("  ")
                position += 2
                continue
            if two == "${":
                stack.append("$")
                out.append("  ")
                position += 2
                continue
            if here == "'":
                stack.pop()
            out.append("'" if here == "'" else " ")
        elif two == "//" or two == "/*":
            end = text.find("\n" if two == "//" else "*/", position)
            end = len(text) if end < 0 else end + (0 if two == "//" else 2)
            out.append(re.sub(r"[^\n]", " ", text[position:end]))
            position = end
            continue
        elif here == "'":
            stack.append("'")
            out.append(here)
        elif here in closing:
            stack.append(closing[here])
            out.append(here)
        elif here == "}" and stack and stack[-1] == "$":
            stack.pop()
            out.append(" ")
        elif here in ")]}":
            if not stack or stack.pop() != here:
                return "", f"line {text.count(chr(10), 0, position) + 1}: {here} closes nothing"
            out.append(here)
        else:
            out.append(here)
        position += 1
    return "".join(out), f"{stack[-1]} is missing at the end" if stack else ""


def _depths(code: str) -> list[int]:
    depths, depth = [], 0
    for character in code:
        depth -= character in ")]}"
        depths.append(depth)
        depth += character in "([{"
    return depths


def _end(code: str, start: int) -> int:
    """Where the declaration that goes on at `start` ends: the end of a line on which nothing is open."""
    depth = 0
    for position in range(start, len(code)):
        depth += (code[position] in "([{") - (code[position] in ")]}")
        if code[position] == "\n" and depth == 0 and not re.match(r"\s*[?:] ", code[position:]):
            return position
    return len(code)
