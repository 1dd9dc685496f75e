"""Every fault that the doctor distinguishes, produced for real: the verdict, the step and the exit code."""

import itertools
import re
import shlex
from pathlib import Path

import pytest

from local_azure.cloud import LocalAzure
from local_azure.testing import LocalTenant
from tests.tools import faults_aad_func, faults_identity, faults_msi_func, faults_open_door, faults_rejection
from tests.tools.fault import Fault
from tests.tools.stage import Stage

MODULES = (faults_msi_func, faults_identity, faults_aad_func, faults_rejection, faults_open_door)
FAULTS = [
    pytest.param(fault, id=f"{module.__name__.rpartition('faults_')[2]}: {fault.why}")
    for module in MODULES
    for fault in module.FAULTS
]


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_has_its_verdict_step_and_exit_code(
    fault: Fault, local_azure_server: LocalAzure, local_azure: LocalTenant, tmp_path: Path, record_property
):
    stage = Stage(local_azure_server, local_azure, tmp_path)
    with stage.stack:
        ended = fault.produce(stage)
    record_property("seconds to the verdict", ended.seconds)
    assert fault.verdict in ended.verdict, ended.out
    assert fault.step in ended.step, ended.out
    assert ended.code == fault.code, ended.out
    assert is_command_or_instruction(ended.step), ended.step
    assert not re.search(r"eyJ|Traceback|See \w+$", ended.out)


def is_command_or_instruction(step: str) -> bool:
    """Return whether the step is a sentence, or a command without unquoted placeholders, which redirect in a shell."""
    if not re.match(r"(az|curl|export|func|openssl|python|read|sleep) ", step):
        return step[:1].isupper()
    words = list(shlex.shlex(step, posix=True, punctuation_chars=True))
    redirected = [target for sign, target in itertools.pairwise(words) if set(sign) <= set("<>")]
    return set(redirected) <= {"/dev/null"}


def test_there_are_at_least_fifty_faults():
    assert len(FAULTS) >= 50
