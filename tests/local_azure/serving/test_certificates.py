"""The local CA and its bundle."""

from pathlib import Path

import certifi
import pytest

from local_azure.cloud import LocalAzure
from local_azure.serving.certificates import CA_FILE, SETTINGS, Certificates
from local_azure.serving.errors import StartError
from local_azure.tenant.loader import load


def test_bundle_contains_public_and_configured_roots_once(tmp_path: Path, monkeypatch):
    company = tmp_path / "company.pem"
    company.write_text("-----BEGIN CERTIFICATE-----\nof the company's proxy\n-----END CERTIFICATE-----\n")
    for name, file in zip(SETTINGS, (company, certifi.where(), company), strict=True):
        monkeypatch.setenv(name, str(file))
    with LocalAzure(load(), port=0, state=tmp_path / "state") as azure:
        bundle = Path(azure.environment()["REQUESTS_CA_BUNDLE"]).read_text()
    assert company.read_text() in bundle
    roots = Path(certifi.where()).read_text().count("BEGIN CERTIFICATE")
    assert bundle.count("BEGIN CERTIFICATE") == roots + 2


def unusable(folder: Path) -> list[Path]:
    (folder / "file").write_text("")
    (folder / "taken" / CA_FILE).mkdir(parents=True)
    return [folder / "file", folder / "file" / "below", Path("/proc/nope"), folder / "taken"]


@pytest.mark.parametrize("number", range(4))
def test_unusable_state_folder_is_an_error_with_a_remedy(number, tmp_path: Path):
    with pytest.raises(StartError, match="--state"):
        Certificates(unusable(tmp_path)[number])
