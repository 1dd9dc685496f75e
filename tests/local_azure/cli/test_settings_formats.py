"""Printed settings are safe to evaluate."""

import json
import subprocess

from local_azure.cli import settings_formats

AWKWARD = {"PLAIN": "http://127.0.0.1:8400", "AWKWARD": 'it\'s a $HOME `x` "y" \\'}


def test_sh_format_is_quoted():
    script = settings_formats.FORMATS["sh"](AWKWARD) + '\nprintf "%s\\n" "$PLAIN" "$AWKWARD"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == list(AWKWARD.values())


def test_powershell_format_is_quoted():
    lines = settings_formats.FORMATS["powershell"](AWKWARD).splitlines()
    assert lines == ["$env:PLAIN = 'http://127.0.0.1:8400'", "$env:AWKWARD = 'it''s a $HOME `x` \"y\" \\'"]


def test_json_format_is_the_format_of_local_settings():
    assert json.loads(settings_formats.FORMATS["json"](AWKWARD)) == {"IsEncrypted": False, "Values": AWKWARD}


def test_dotenv_format_is_quoted_only_if_necessary():
    plain, quoted, awkward = settings_formats.FORMATS["dotenv"](
        {"PLAIN": AWKWARD["PLAIN"], "QUOTED": "/a folder/$x", "AWKWARD": AWKWARD["AWKWARD"]}
    ).splitlines()
    assert (plain, quoted) == ("PLAIN=http://127.0.0.1:8400", "QUOTED='/a folder/$x'")
    done = subprocess.run(["sh", "-c", f'{awkward}; printf %s "$AWKWARD"'], capture_output=True, text=True, check=True)
    assert done.stdout == AWKWARD["AWKWARD"]
