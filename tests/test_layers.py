"""import-linter holds the packages; function_app.py is a module, so this holds it."""

import ast
from pathlib import Path

APP = Path(__file__).parent.parent


def test_function_app_registers_two_blueprints_and_imports_nothing_else():
    tree = ast.parse((APP / "function_app.py").read_text())
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported == {"azure.functions", "aad_func.function", "msi_func.function"}
