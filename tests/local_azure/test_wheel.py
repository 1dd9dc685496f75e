"""The wheel contains only local_azure and works in any folder."""

import ast
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.installed import Installed

SCRIPT = """
import json, os, urllib.request
import local_azure
query = "?api-version=2019-08-01&resource=api://aad00002-c11d-4000-8000-000000000000"
headers = {"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}
request = urllib.request.Request(os.environ["IDENTITY_ENDPOINT"] + query, headers=headers)
with urllib.request.urlopen(request, timeout=10) as response:
    print(json.dumps([local_azure.__file__, json.load(response)["client_id"]]))
"""


def test_wheel_contains_only_local_azure(installed: Installed):
    names = zipfile.ZipFile(installed.wheel).namelist()
    assert {"local_azure/tenant.json", "local_azure/__main__.py", "local_azure/cli/main.py"} <= set(names)
    folders = {name.split("/")[0] for name in names}
    assert folders == {"local_azure", f"local_azure-{installed.version}.dist-info"}


def test_wheel_declares_every_library_that_it_imports(installed: Installed):
    declared = {re.match(r"[\w-]+", text)[0] for text in installed.requires if "extra" not in text}
    extras = {"azure", "pytest"}  # needed only by `host` and by the fixtures
    with zipfile.ZipFile(installed.wheel) as wheel:
        sources = [wheel.read(name) for name in wheel.namelist() if name.endswith(".py")]
    imported = {name.partition(".")[0] for source in sources for name in imports(ast.parse(source))}
    libraries = imported - sys.stdlib_module_names - {"local_azure"} - extras
    assert {"pyjwt" if name == "jwt" else name for name in libraries} == declared


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_command_works_in_a_folder_without_a_function_app(installed: Installed, tmp_path: Path):
    done = installed.local_azure("run", "--port", "0", "--", str(installed.interpreter), "-c", SCRIPT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    file, client_id = json.loads(done.stdout)
    assert Path(file).is_relative_to(installed.folder)
    assert client_id == "1de00001-c11d-4000-8000-000000000000"
    assert [path.name for path in tmp_path.iterdir()] == [".local_azure"]


def test_module_and_command_have_the_same_help(installed: Installed, tmp_path: Path):
    module = installed.python("-m", "local_azure", "--help", cwd=tmp_path).stdout
    command = installed.local_azure("--help", cwd=tmp_path).stdout
    assert module.startswith("usage: python -m local_azure ")
    assert " ".join(command.split()) == " ".join(module.replace("python -m local_azure", "local-azure").split())


def test_demo_needs_a_clone(installed: Installed, tmp_path: Path):
    done = installed.local_azure("demo", "--once", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("local_azure: The demo needs a clone of the repository")


def test_host_without_azure_functions_is_a_one_line_error(installed: Installed):
    script = "import sys; sys.modules['azure'] = None; from local_azure.cli.main import main; sys.exit(main(['host']))"
    done = installed.python("-c", script)
    expected = (
        "local_azure: The Functions host requires the azure-functions package. Run pip install azure-functions.\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)
