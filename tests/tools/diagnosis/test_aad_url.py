"""The step for a wrong AAD_FUNC_URL, which contains only URLs that were given or that responded."""

import pytest

from tests.tools.probes import AAD_URL, AZURE_AAD_URL, AZURE_MSI_URL, MSI_URL, accepted, direct
from tools.diagnosis.aad_url import ask_directly, has_path, with_path, wrong_url
from tools.diagnosis.evidence import Evidence

PATHS = [
    ("https://x.example/api/aad-func", True, "https://x.example/api/aad-func"),
    ("https://x.example/API/AAD-func/", True, "https://x.example/API/AAD-func/"),
    ("https://x.example/prefix/api/aad-func", True, "https://x.example/prefix/api/aad-func"),
    ("https://x.example", False, "https://x.example/api/aad-func"),
    ("https://x.example/", False, "https://x.example/api/aad-func"),
    ("https://x.example/api/msi-func?x=1", False, "https://x.example/api/aad-func?x=1"),
    ("https://x.example/?x=/api/aad-func", False, "https://x.example/api/aad-func?x=/api/aad-func"),
]


@pytest.mark.parametrize(("url", "expected", "completed"), PATHS)
def test_url_is_completed_by_the_path(url, expected, completed):
    assert has_path(url) == expected
    assert with_path(url) == completed


@pytest.mark.parametrize(
    ("aad_url", "status", "value"),
    [
        (AAD_URL, 401, AAD_URL),
        ("http://127.0.0.1:7072/", 401, AAD_URL),
        ("http://127.0.0.1:7072/", 404, AAD_URL),
        ("http://127.0.0.1:7072/api/msi-func", 200, AAD_URL),
    ],
    ids=["responded", "responded at its root", "without the path", "with another path"],
)
def test_url_that_responded_or_lacked_the_path_is_set(aad_url, status, value):
    found = wrong_url(Evidence(accepted(), direct=direct(status, url=aad_url), aad_url=aad_url), "cause")
    assert (found.cause, found.step) == (
        "cause",
        f"Set AAD_FUNC_URL={value} in the settings of msi-func, and restart it.",
    )


def test_app_in_azure_gets_a_command():
    found = wrong_url(
        Evidence(accepted(url=AZURE_MSI_URL), direct=direct(401, url=AZURE_AAD_URL), aad_url=AZURE_AAD_URL), "cause"
    )
    assert found.step.startswith("az functionapp config appsettings set --ids ")
    assert "msi-x1.azurewebsites.net" in found.step
    assert found.step.endswith(f"AAD_FUNC_URL={AZURE_AAD_URL}")


def test_url_that_did_not_respond_is_not_set():
    found = wrong_url(Evidence(accepted(), direct=direct(404), aad_url=AAD_URL), "cause")
    assert found.step == "Read the output of the Functions host of aad-func."


def test_direct_probe_is_recommended_if_it_is_missing():
    for advise in (wrong_url, ask_directly):
        step = advise(Evidence(accepted(url=f"{MSI_URL}?as=user")), "cause").step
        assert step == (
            f"python -m tools.doctor {MSI_URL} --aad 'https://<aad-func app>.azurewebsites.net/api/aad-func'"
        )
