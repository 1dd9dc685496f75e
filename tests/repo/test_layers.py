"""Imports of the deployed code that import-linter does not check: at run time and within functions."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import apps

APP = apps.APP
DEPLOYED = sorted(path for name in ("common", "msi_func", "aad_func") for path in (APP / name).rglob("*.py"))


def modules_loaded_by(*disabled: str) -> set[str]:
    """Return the modules that function_app.py loads with these functions disabled."""
    script = "import sys, function_app; print(*sys.modules)"
    with apps.clean_environment():
        environment = {**os.environ, **{f"AzureWebJobs.{name}.Disabled": "true" for name in disabled}}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=APP, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def below(modules: set[str], *packages: str) -> set[str]:
    return {name for name in modules if name.startswith(tuple(f"{package}." for package in packages))}


def test_aad_func_alone_loads_nothing_of_msi_func():
    loaded = modules_loaded_by("msi_func")
    assert "aad_func.function" in loaded
    assert not below(loaded, "msi_func", "aiohttp", "yarl", "azure.core", "azure.identity", "msal")


def test_msi_func_alone_loads_nothing_of_aad_func():
    loaded = modules_loaded_by("aad_func")
    assert "msi_func.function" in loaded
    assert not below(loaded, "aad_func")


def test_app_with_both_functions_disabled_loads_neither():
    assert not below(modules_loaded_by("msi_func", "aad_func"), "msi_func", "aad_func", "aiohttp", "requests", "msal")


def test_both_functions_are_loaded_if_none_is_disabled():
    assert {"msi_func.function", "aad_func.function"} <= modules_loaded_by()


@pytest.mark.parametrize("path", DEPLOYED, ids=lambda path: path.relative_to(APP).as_posix())
def test_every_import_is_at_the_top_of_its_module(path: Path):
    """An import within a function delays its first request and hides a missing package until then."""
    assert nested_imports(path.read_text()) == []


def nested_imports(source: str) -> list[int]:
    """Return the line numbers of imports that are not at the top of the module."""
    tree = ast.parse(source)
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    top = 0
    while top < len(body) and isinstance(body[top], ast.Import | ast.ImportFrom):
        top += 1
    rest = [node for statement in body[top:] for node in ast.walk(statement)]
    return [node.lineno for node in rest if isinstance(node, ast.Import | ast.ImportFrom) or calls_import(node)]


def calls_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in (
        "__import__",
        "import_module",
        "importlib.import_module",
    )


def test_nested_imports_are_found():
    source = "import a\n\nb = 1\nimport c\n\n\ndef d():\n    from e import f\n    importlib.import_module('g')\n"
    assert nested_imports(source) == [4, 8, 9]
