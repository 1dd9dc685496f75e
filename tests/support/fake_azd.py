"""A fake `azd` whose environment is a file. `azd up` evaluates infra/ and runs the hooks of azure.yaml.

The template's registrations are added to the state of the fake az, which the hooks use.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.bicep_deployment import Deployment

ROOT = Path(__file__).parents[2]
CALLS = "calls"


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    path = Path(os.environ["FAKE_AZD_STATE"])
    state = json.loads(path.read_text()) if path.exists() else {CALLS: [], "values": {}, "outputs": {}}
    state[CALLS].append(" ".join(arguments))
    match arguments:
        case ["env", "new", name]:
            state["values"] = {"AZURE_ENV_NAME": name, "AZURE_LOCATION": "westeurope"}
        case ["env", "set", name, value]:
            state["values"][name] = value
        case ["env", "get-value", name]:
            sys.stdout.write(f"{(state['values'] | state['outputs'])[name]}\n")
        case ["up"]:
            _up(state)
        case ["down", "--force", "--purge"]:
            state["outputs"] = {}
        case ["auth", "login"]:
            pass
        case _:
            raise SystemExit(f"unknown command: {arguments}")
    path.write_text(json.dumps(state))
    return 0


def parameters(values: dict[str, str]) -> dict[str, Any]:
    """Return the parameters of infra/main.parameters.json, substituted and converted as azd does."""
    found: dict[str, Any] = {}
    for name, parameter in json.loads((ROOT / "infra" / "main.parameters.json").read_text())["parameters"].items():
        variable, _, default = parameter["value"].strip("${}").partition("=")
        text = values.get(variable, default)
        found[name] = {"true": True, "false": False}.get(text, int(text) if text.isdecimal() else text)
    return found


def _up(state: dict[str, Any]) -> None:
    _hook("preprovision", state)
    deployment = Deployment(ROOT / "infra" / "main.bicep", parameters(state["values"]))
    state["outputs"] = deployment.outputs
    state["settings"] = {
        name: deployment.settings(deployment.outputs[f"{name}_NAME"]) for name in ("AAD_FUNC", "MSI_FUNC")
    }
    _register(deployment)
    _hook("postprovision", state)
    _hook("postup", state)


def _register(deployment: Deployment) -> None:
    path = Path(os.environ["FAKE_AZ_STATE"])
    state = json.loads(path.read_text()) if path.exists() else {CALLS: [], "applications": {}, "sites": {}}
    principals = deployment.of_type("Microsoft.Graph/servicePrincipals")
    for app in deployment.of_type("Microsoft.Graph/applications"):
        ids = {each.body["appId"]: each.member("id") for each in principals}
        client_id = app.member("appId")
        state["applications"][app.name] = {**app.body, "appId": client_id, "principalId": ids[client_id]}
    path.write_text(json.dumps(state))


def _hook(name: str, state: dict[str, Any]) -> None:
    (script,) = re.findall(
        rf"^  {name}:\n    shell: sh\n    interactive: true\n    run: (\S+)$",
        (ROOT / "azure.yaml").read_text(),
        re.MULTILINE,
    )
    environment = {**os.environ, **state["values"], **state["outputs"], "AZURE_SUBSCRIPTION_ID": "subscription"}
    subprocess.run([ROOT / script], env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
