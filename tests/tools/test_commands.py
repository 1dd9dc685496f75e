"""Commands that the tools print: valid in a shell, without text that a response could inject."""

import re
import shlex
import subprocess

import pytest

from tools import commands

AZURE, LOCAL = "https://app-x1.azurewebsites.net/api/aad-func", "http://127.0.0.1:7072/api/aad-func"
GUID = "aad00002-c11d-4000-8000-000000000000"
FUNCTIONS = {
    "start": commands.start,
    "stop": commands.stop,
    "restart": commands.restart,
    "read_log": commands.read_log,
    "identity": lambda app, url: commands.identity(url, "assign"),
    "set_setting": lambda app, url: commands.set_setting(app, url, "AAD_FUNC_REQUIRED_ROLE", "DoAll"),
    "set_setting, value unknown": lambda app, url: commands.set_setting(app, url, "AAD_FUNC_SCOPE", ""),
    "remove_setting": lambda app, url: commands.remove_setting(app, url, "AAD_FUNC_AUDIENCES"),
}
HOSTILE = ["$(reboot)", "`reboot`", "x; reboot", "x\nreboot", "-", "--debug", "'", '"', "\x1b[2J", "a b", "", "é"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_app_in_azure_gets_a_command_for_its_host_name(name):
    command = FUNCTIONS[name]("aad-func", AZURE)
    assert "--query \"[?defaultHostName=='app-x1.azurewebsites.net'].id\" --output tsv" in command
    assert subprocess.run(["bash", "-n", "-c", command], check=False).returncode == 0
    assert command.startswith("az ")


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - {"identity"}))
def test_local_app_gets_a_manual_step_instead_of_an_az_command(name):
    assert re.match(r"(Start|Stop|Restart|Read|Set|Remove) .*aad-func", FUNCTIONS[name]("aad-func", LOCAL))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_replaced_by_a_placeholder(text):
    for api, object_id, role in ((text, GUID, "DoAll"), (GUID, text, "DoAll"), (GUID, GUID, text)):
        words = shlex.split(commands.assign_role(api, object_id, role))
        assert words[:4] == ["python", "-m", "tools.roles", "assign"]
        assert len(words) == 10
        values = {*words[5::2]}
        assert text not in values
        assert any(value.startswith("<") for value in values)


@pytest.mark.parametrize(
    ("resource", "guid"),
    [
        (GUID, GUID),
        (f"api://{GUID}", GUID),
        (f"api://{GUID.upper()}/.default", GUID),
        ("api://name", ""),
        (f"api://{GUID}/x", ""),
        ("", ""),
    ],
)
def test_guid_of_a_resource_is_extracted(resource, guid):
    assert commands.guid_in(resource) == guid


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "a_b.example", "x'$(reboot).example"])
def test_other_hosts_are_not_apps_in_azure(host):
    assert "az " not in commands.start("aad-func", f"https://{host}/")


@pytest.mark.parametrize("text", [text for text in HOSTILE if not text.startswith("-")])
def test_hostile_value_of_a_setting_is_replaced_by_a_placeholder(text):
    for url in (AZURE, LOCAL):
        assert "AAD_FUNC_SCOPE=<AAD_FUNC_SCOPE>" in commands.set_setting("aad-func", url, "AAD_FUNC_SCOPE", text)


def test_doctor_is_run_without_the_function_key_of_the_setting():
    command = commands.doctor("http://x.example/api/msi-func", "https://y.example/api/aad-func?code=a-function-key")
    assert command == "python -m tools.doctor http://x.example/api/msi-func --aad https://y.example/api/aad-func"
