"""Show when a new role takes effect for a managed identity and for an app registration."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from local_azure.cli.demo_apps import DemoApps
from local_azure.cli.demo_texts import summary
from local_azure.serving.local_client import local_session
from local_azure.serving.ports import LOOPBACK, free_port
from local_azure.tenant.grants import Assignment
from local_azure.tenant.principals import Application, ManagedIdentity, Site

DAY = 24 * 3600  # seconds
CREDENTIALS = ("managed_identity", "application")


def rows(apps: DemoApps, role_value: str) -> Iterator[str]:
    """Run msi-func with each credential, assign the role, and yield one line of results per step."""
    azure, role = apps.azure, apps.api.role(role_value)
    found, registration = _without_role(apps, role_value), _registration(apps, role_value)
    if role is None or found is None or registration is None:
        yield (
            "The tenant file must define a system-assigned identity and an app registration with a federated "
            "credential, both without the role."
        )
        return
    site, identity = found
    sites = (site.name, azure.site.name)
    assigned = [Assignment(one.object_id, apps.api.object_id, role.id) for one in (identity, registration)]
    yield _row("AAD_FUNC_CREDENTIAL", CREDENTIALS)
    with contextlib.ExitStack() as hosts:
        urls = [_start(apps, hosts, site, credential) for site, credential in zip(sites, CREDENTIALS, strict=True)]
        yield _row(f"without the role {role_value}", map(_result, urls))
        azure.directory.assignments += assigned
        try:
            yield _row("the role is assigned", map(_result, urls))
            azure.clock.advance(DAY)
            urls[0] = _start(apps, hosts, sites[0], CREDENTIALS[0])  # msi-func caches the token too
            yield _row("24 h later, restarted", map(_result, urls))
        finally:
            azure.directory.assignments[:] = [one for one in azure.directory.assignments if one not in assigned]
            azure.clock.advance(DAY)  # expires the tokens with the role, so that `rows` can run again


def _without_role(apps: DemoApps, role: str) -> tuple[Site, ManagedIdentity] | None:
    directory = apps.azure.directory
    identities = (
        (site, identity) for site in directory.sites for identity in site.identities if identity.system_assigned
    )
    return next((found for found in identities if role not in directory.roles(found[1], apps.api)), None)


def _registration(apps: DemoApps, role: str) -> Application | None:
    directory = apps.azure.directory
    federated = directory.federated_application(apps.azure.site)
    return federated[0] if federated and role not in directory.roles(federated[0], apps.api) else None


def _start(apps: DemoApps, hosts: contextlib.ExitStack, site: str, credential: str) -> str:
    port = free_port()
    with Path(os.devnull).open("wb") as output:
        host = apps.msi_host(port, credential, site, output=output, AAD_FUNC_CREDENTIAL=credential)
        hosts.enter_context(host)
    return f"http://{LOOPBACK}:{port}/api/msi-func"


def _result(url: str) -> str:
    with local_session() as session:
        response = session.get(url, timeout=30)
    return summary(response.status_code, response.json(), short=True)


def _row(step: str, results: Iterable[str]) -> str:
    first, second = results
    return f"  {step:<24}{first:<44}{second}"
