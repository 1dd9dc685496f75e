"""Settings: what is accepted, and that a fault names the setting and never quotes its value."""

import pytest

from common.problems import Problem
from common.settings import Settings, is_https_or_loopback

NAME = "TEST_SETTING"
GUID = "10ca1000-0000-4000-8000-000000000000"


def read(method: str, *arguments: object, **options: object) -> object:
    with Settings() as settings:
        return getattr(settings, method)(NAME, *arguments, **options)


ACCEPTED = [
    ("text", "x", (), "x"),
    ("text", "  x ", (), "x"),
    ("text", None, ("default",), "default"),
    ("guid", GUID.upper(), (), GUID),
    ("optional_guid", None, (), None),
    ("optional_guid", GUID, (), GUID),
    ("guids", None, (), ()),
    ("guids", f"{GUID}, {GUID.upper()}", (), (GUID, GUID)),
    ("names", "a, b", ((),), ("a", "b")),
    ("names", None, (("a",),), ("a",)),
    ("scope", "api://x/.default", (), "api://x/.default"),
    ("scope", "https://management.core.windows.net//.default", (), "https://management.core.windows.net//.default"),
    ("url", "https://x.example/a?b=c", (), "https://x.example/a?b=c"),
    ("url", "http://[::1]:1/", (), "http://[::1]:1/"),
]


@pytest.mark.parametrize(("method", "value", "arguments", "expected"), ACCEPTED)
def test_a_good_value_is_read(method, value, arguments, expected, monkeypatch: pytest.MonkeyPatch):
    if value is not None:
        monkeypatch.setenv(NAME, value)
    assert read(method, *arguments) == expected


REFUSED = [
    ("text", None, (), "is not set"),
    ("text", " ", ("default",), "is empty"),
    ("guid", "10ca1000", (), "is not a GUID"),
    ("guid", f"{{{GUID}}}", (), "is not a GUID"),
    ("guid", f"{GUID}\n0", (), "is not a GUID"),
    ("optional_guid", "", (), "is empty"),
    ("guids", "", (), "is empty"),
    ("guids", ",", (), "is not a comma-separated list"),
    ("guids", f"{GUID},*", (), "is not a comma-separated list of GUIDs"),
    ("names", "", (("default",),), "is empty"),
    ("names", "a,,b", ((),), "is not a comma-separated list"),
    ("scope", "api://x", (), "is not <resource>/.default"),
    ("url", "http://x.example", (), "is not an https URL"),
]


@pytest.mark.parametrize(("method", "value", "arguments", "complaint"), REFUSED)
def test_a_fault_names_the_setting_and_what_is_wrong(method, value, arguments, complaint, monkeypatch):
    if value is not None:
        monkeypatch.setenv(NAME, value)
    with pytest.raises(Problem, match="misconfigured") as raised:
        read(method, *arguments)
    assert raised.value.members["settings"] == [NAME]
    assert raised.value.detail.startswith(f"{NAME} {complaint}")


def test_all_faults_are_named_at_once(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(Problem) as raised, Settings() as settings:
        settings.string("FIRST_MISSING")
        settings.guid("SECOND_MISSING")
    assert raised.value.members["settings"] == ["FIRST_MISSING", "SECOND_MISSING"]


def test_another_error_in_the_block_is_not_hidden():
    with pytest.raises(KeyError), Settings() as settings:
        settings.string("MISSING")
        raise KeyError


SAFE = [
    "https://x.example",
    "https://x.example:8443/a",
    "http://localhost:1",
    "http://127.0.0.1",
    "http://127.9.9.9",
    "http://[::1]",
]
UNSAFE = [
    "",
    "x.example",
    "//x.example",
    "ftp://x.example",
    "file:///etc/passwd",
    "https://",
    "https:///path",
    "https://user@x.example",
    "https://x.example\\@evil.example",
    "https://x.example/#part",
    "https://x.example:port",
    "https://x.example:99999",
    "https://[::1",
    "https://x .example",
    "https://x.example/\r\nHost: y",
    "https://x.example/\t",
    "https://ex\u00e4mple.example",
    "http://x.example",
    "http://127.0.0.1.example",
    "http://localhost.example",
    "http://10.0.0.1",
    "http://0.0.0.0",
    "http://2130706433",
    "http://[::ffff:10.0.0.1]",
]


@pytest.mark.parametrize("url", SAFE)
def test_https_anywhere_and_http_on_loopback_are_safe(url):
    assert is_https_or_loopback(url)


@pytest.mark.parametrize("url", UNSAFE)
def test_everything_else_is_not(url):
    assert not is_https_or_loopback(url)
