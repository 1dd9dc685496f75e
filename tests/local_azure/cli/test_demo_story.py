"""The demo's table of a role that takes effect late."""

import json
import re
from pathlib import Path

from local_azure.tenant.loader import DEFAULT_TENANT_FILE
from tests.local_azure.cli.demo_process import running


def test_story_shows_both_credentials_and_can_be_repeated(state: Path):
    with running(state) as demo:
        for _ in range(2):
            rows = [re.split(r"\s{2,}", row.strip()) for row in demo.enter("2").splitlines()[1:]]
            late = rows[1][1]
            assert re.fullmatch(r"403 missing_role until 20\d\d-\d\d-\d\dT\d\d:\d\dZ", late)
            assert rows == [
                ["AAD_FUNC_CREDENTIAL", "managed_identity", "application"],
                ["without the role DoAll", late, "403 missing_role"],
                ["the role is assigned", late, "200"],
                ["24 h later, restarted", "200", "200"],
            ]


def test_tenant_without_principals_that_lack_the_role_is_reported(state: Path, tmp_path: Path):
    content = json.loads(DEFAULT_TENANT_FILE.read_text())
    content["assignments"].append({"principal": "msi-func-api", "application": "aad-func", "role": "DoAll"})
    (tmp_path / "tenant.json").write_text(json.dumps(content))
    with running(state, "--tenant", tmp_path / "tenant.json") as demo:
        message = (
            "The tenant file must define a system-assigned identity and an app registration with a federated "
            "credential, both without the role."
        )
        assert message in demo.enter("2")
