"""Settings: valid and invalid values, and errors that name the setting without quoting its value."""

import pytest

from common.problems import Problem
from common.settings import Settings, is_https_or_loopback

NAME = "TEST_SETTING"
GUID = "10ca1000-0000-4000-8000-000000000000"


def read(method: str, *arguments: object, **options: object) -> object:
    with Settings() as settings:
        return getattr(settings, method)(NAME, *arguments, **options)


ACCEPTED = [
    ("string", "x", (), "x"),
    ("string", "  x ", (), "x"),
    ("string", None, ("default",), "default"),
    ("guid", GUID.upper(), (), GUID),
    ("optional_guid", None, (), None),
    ("optional_guid", GUID, (), GUID),
    ("guid_list", None, (), ()),
    ("guid_list", f"{GUID}, {GUID.upper()}", (), (GUID, GUID)),
    ("string_list", "a, b", ((),), ("a", "b")),
    ("string_list", None, (("a",),), ("a",)),
    ("scope", "api://x/.default", (), "api://x/.default"),
    ("scope", "https://management.core.windows.net//.default", (), "https://management.core.windows.net//.default"),
    ("url", "https://x.example/a?b=c", (), "https://x.example/a?b=c"),
    ("url", "http://[::1]:1/", (), "http://[::1]:1/"),
    ("https_url", "https://x.example", (), "https://x.example"),
]


@pytest.mark.parametrize(("method", "value", "arguments", "expected"), ACCEPTED)
def test_valid_value_is_returned(method, value, arguments, expected, monkeypatch: pytest.MonkeyPatch):
    if value is not None:
        monkeypatch.setenv(NAME, value)
    assert read(method, *arguments) == expected


INVALID = [
    ("string", None, (), "is not set"),
    ("string", " ", ("default",), "is empty"),
    ("guid", "10ca1000", (), "is not a GUID"),
    ("guid", f"{{{GUID}}}", (), "is not a GUID"),
    ("guid", f"{GUID}\n0", (), "is not a GUID"),
    ("optional_guid", "", (), "is empty"),
    ("guid_list", "", (), "is empty"),
    ("guid_list", ",", (), "is not a comma-separated list"),
    ("guid_list", f"{GUID},*", (), "is not a comma-separated list of GUIDs"),
    ("string_list", "", (("default",),), "is empty"),
    ("string_list", "a,,b", ((),), "is not a comma-separated list"),
    ("scope", "api://x", (), "must be <App ID URI>/.default"),
    ("url", "http://x.example", (), "is not an https URL"),
    ("https_url", "http://127.0.0.1", (), "is not an https URL. azure-identity does not accept http"),
    ("https_url", "http://x.example", (), "is not an https URL"),
]


@pytest.mark.parametrize(("method", "value", "arguments", "error"), INVALID)
def test_error_names_the_setting(method, value, arguments, error, monkeypatch):
    if value is not None:
        monkeypatch.setenv(NAME, value)
    with pytest.raises(Problem, match="misconfigured") as raised:
        read(method, *arguments)
    assert raised.value.members["settings"] == [NAME]
    assert raised.value.detail.startswith(f"{NAME} {error}")


NUMBERS = [(None, 7.0), ("1", 1.0), ("0.5", 0.5), ("10", 10.0), (" 10.000 ", 10.0)]


@pytest.mark.parametrize(("value", "expected"), NUMBERS)
def test_valid_number_is_returned(value, expected, monkeypatch: pytest.MonkeyPatch):
    if value is not None:
        monkeypatch.setenv(NAME, value)
    assert read("number", 7, maximum=10) == expected


@pytest.mark.parametrize(
    "value", ["0", "10.001", "11", "-1", "+1", "1e0", "nan", "inf", "ten", "\u0661", "1,5", "0x1", "1_0"]
)
def test_invalid_number_is_an_error(value, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(NAME, value)
    with pytest.raises(Problem) as raised:
        read("number", 7, maximum=10)
    assert raised.value.detail == f"{NAME} is not a number above 0 and at most 10."


def test_only_the_first_error_of_a_setting_is_reported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(NAME, "")
    with pytest.raises(Problem) as raised:
        read("url")
    assert raised.value.detail == f"{NAME} is empty: set a value or remove the setting."


def test_all_errors_are_reported_at_once(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(Problem) as raised, Settings() as settings:
        settings.string("FIRST_MISSING")
        settings.guid("SECOND_MISSING")
    assert raised.value.members["settings"] == ["FIRST_MISSING", "SECOND_MISSING"]


def test_another_exception_in_the_block_is_not_hidden():
    with pytest.raises(KeyError), Settings() as settings:
        settings.string("MISSING")
        raise KeyError


ALLOWED = [
    "https://x.example",
    "https://x.example:8443/a",
    "http://localhost:1",
    "http://127.0.0.1",
    "http://127.9.9.9",
    "http://[::1]",
]
NOT_ALLOWED = [
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


@pytest.mark.parametrize("url", ALLOWED)
def test_https_and_http_on_loopback_are_accepted(url):
    assert is_https_or_loopback(url)


@pytest.mark.parametrize("url", NOT_ALLOWED)
def test_any_other_url_is_rejected(url):
    assert not is_https_or_loopback(url)
