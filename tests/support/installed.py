"""Build the wheel of local_azure and install it in a virtual environment, without network access."""

import email
import os
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import certifi
import pytest

from tests.support.apps import APP, clean_environment

SECONDS = 120  # time limit of a command


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel and the dependencies of this process."""

    folder: Path
    wheel: Path

    @property
    def interpreter(self) -> Path:
        return self._script("python")

    @property
    def version(self) -> str:
        return self.wheel.name.split("-")[1]

    @property
    def requires(self) -> list[str]:
        """The requirements that the wheel declares."""
        with zipfile.ZipFile(self.wheel) as wheel:
            metadata = wheel.read(f"local_azure-{self.version}.dist-info/METADATA").decode()
        return email.message_from_string(metadata).get_all("Requires-Dist")

    def python(self, *arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        return self._run([self.interpreter, *arguments], cwd)

    def local_azure(self, *arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        return self._run([self._script("local-azure"), *arguments], cwd)

    def _script(self, name: str) -> Path:
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / name

    def _run(self, command: list[str | Path], cwd: Path | None) -> "subprocess.CompletedProcess[str]":
        with clean_environment():
            environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build and install the wheel of this checkout."""
    pytest.importorskip("flit_core", reason="requirements-dev.txt contains flit_core, which builds the wheel")
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-index", "--no-deps"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", str(folder), str(APP)]
    subprocess.run(build, cwd=folder, timeout=SECONDS, check=True)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "venv"
    venv.create(environment, symlinks=os.name != "nt")
    new = Installed(environment, wheel)
    install = [*pip, "--python", str(new.interpreter), "install", *offline, str(wheel)]
    subprocess.run(install, timeout=SECONDS, check=True)
    (site_packages,) = environment.glob("Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages")
    # Dependencies are taken from this process's environment, so that nothing is downloaded.
    (site_packages / "dependencies.pth").write_text(str(Path(certifi.__file__).parents[1]))
    return new
