"""Evidence: its properties, and the settings of this machine that belong to the probed apps."""

import pytest

from tests.support import apps
from tests.tools.probes import AZURE_AAD_URL, AZURE_MSI_URL, MSI_URL, accepted, denied, direct
from tools.diagnosis.evidence import Evidence, settings_for


def test_url_of_msi_func_excludes_the_query():
    assert Evidence(accepted(url=f"{MSI_URL}?as=user&code=secret")).msi_url == MSI_URL


DIRECT = [(401, "missing_token", True), (401, "", True), (403, "", False), (404, "", False), (0, "", False)]


@pytest.mark.parametrize(("status", "code", "reached"), DIRECT)
def test_401_of_a_direct_probe_comes_from_aad_func_or_easy_auth(status, code, reached):
    assert Evidence(accepted(), direct=direct(status, code)).is_aad_reached == reached


def test_without_a_direct_probe_aad_func_is_not_reached():
    assert not Evidence(accepted()).is_aad_reached
    assert not Evidence(accepted()).reaches_aad_code


@pytest.mark.parametrize(
    ("code", "reaches"),
    [("missing_token", True), ("missing_principal", True), ("", False), ("user_token_required", False)],
)
def test_code_of_a_call_without_a_token_identifies_aad_func(code, reaches):
    assert Evidence(accepted(), without_token=denied(401, code)).reaches_aad_code == reaches


LOCAL = {"ENTRA_AUTHORITY": "http://127.0.0.1:8400", "AAD_FUNC_CLIENT_ID": "x"}
AZURE = {"AAD_FUNC_URL": AZURE_AAD_URL, "AAD_FUNC_CLIENT_ID": "x"}
ENVIRONMENTS: list[tuple[str, dict[str, str], str, bool]] = [
    ("local settings, local app", LOCAL, MSI_URL, True),
    ("local settings, app in Azure", LOCAL, AZURE_MSI_URL, False),
    ("settings for Azure, app in Azure", AZURE, AZURE_MSI_URL, True),
    ("settings for Azure, local app", AZURE, MSI_URL, False),
    ("the URL of aad-func takes precedence", {**AZURE, **LOCAL, "AAD_FUNC_URL": AZURE_AAD_URL}, AZURE_MSI_URL, True),
    ("an invalid URL is ignored", {**LOCAL, "AAD_FUNC_URL": "http://["}, MSI_URL, True),
    ("no URL", {"AAD_FUNC_CLIENT_ID": "x"}, AZURE_MSI_URL, True),
    ("localhost", LOCAL, "http://localhost:7071/api/msi-func", True),
    ("IPv6", LOCAL, "http://[::1]:7071/api/msi-func", True),
]


@pytest.mark.parametrize(("why", "settings", "url", "used"), ENVIRONMENTS, ids=[case[0] for case in ENVIRONMENTS])
def test_settings_of_another_environment_are_not_used(why, settings, url, used, monkeypatch: pytest.MonkeyPatch):
    with apps.clean_environment():
        for name, value in {**settings, "PATH_OF_ANOTHER_APP": "x"}.items():
            monkeypatch.setenv(name, value)
        assert settings_for(url) == (settings if used else {})
        monkeypatch.undo()
