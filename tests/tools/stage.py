"""Produce faults: hosts with changed settings, faults of the local tenant, and scripted platform responses."""

import contextlib
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

from local_azure.cloud import LocalAzure
from local_azure.serving.ports import free_port
from local_azure.testing import LocalTenant
from tests.support import apps, commands
from tests.support.scripted import Reply, Request, Scripted, as_json, http
from tests.support.tool import Ended, run
from tests.support.users import ON_BEHALF_OF

STOPPED = http(403, b"<h1>Error 403 - This web app is stopped.</h1>", Content_Type="text/html")
IP_FORBIDDEN = http(403, b"<h1>Error 403 - Forbidden</h1>", Content_Type="text/html", x_ms_forbidden_ip="203.0.113.7")
FRONT_END_503 = http(503, b"The service is unavailable.", Content_Type="text/plain")
START_PAGE = http(200, b"Your Functions 4.0 app is up and running", Content_Type="text/html")
SIGN_IN = http(302, Location="https://login.microsoftonline.com/10ca1000/oauth2/v2.0/authorize?client_id=aad00002")
EASY_AUTH_401 = http(401, WWW_Authenticate='Bearer realm="127.0.0.1"')
FUNCTION_KEY_401 = http(401)
AAD_401 = as_json(401, {"code": "missing_token", "detail": "The request carries no bearer token."})
FORBIDDEN = http(403, b"You do not have permission to view this directory or page.", Content_Type="text/html")

# A sitecustomize.py that shifts time.time() before any module of the host is imported.
SHIFTED_CLOCK = """
import os, time
real, shift = time.time, float(os.environ["CLOCK_SHIFT"])
time.time = lambda: real() + shift
"""


@dataclass
class Stage:
    """The servers and hosts of one fault. Methods that return Ended run the doctor."""

    azure: LocalAzure
    tenant: LocalTenant
    folder: Path
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def url(self, url: str, *arguments: str, **settings: str) -> Ended:
        """Run the doctor on a URL."""
        return run("doctor", url, *arguments, settings=settings)

    def page(self, reply: Reply, *arguments: str, path: str = "/api/msi-func", **settings: str) -> Ended:
        """Run the doctor on a server that always sends `reply`."""
        return self.url(f"{self.server(reply)}{path}", *arguments, **settings)

    def server(self, reply: Any, *, tls: ssl.SSLContext | None = None) -> str:
        """Start a server that sends `reply`, or its result for a request, and return the origin."""
        respond = reply if callable(reply) else lambda request: reply
        return self.stack.enter_context(Scripted(respond, tls=tls)).origin

    def untrusted_tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        return context

    def apps(
        self,
        *arguments: str,
        site: str = "msi-func",
        query: str = "",
        direct: bool | str = True,
        known: bool = False,
        removed: tuple[str, ...] = (),
        doctor: dict[str, str] | None = None,
        users: bool = False,
        **changes: str,
    ) -> Ended:
        """Run both functions in one host with changed settings, and run the doctor on it.

        `direct`: pass --aad, with this URL if it is a string. `known`: the doctor has the apps' settings.
        `removed`: names of settings to remove.
        """
        port = free_port()
        aad_url = f"http://127.0.0.1:{port}/api/aad-func"
        settings = {**apps.aad_settings(self.azure), **apps.msi_settings(self.azure, aad_url, site=site)}
        settings |= {**(ON_BEHALF_OF if users else {}), "AAD_FUNC_TIMEOUT_SECONDS": "5", **changes}
        settings = {name: value for name, value in settings.items() if name not in removed}
        host = self.stack.enter_context(apps.running(settings, port=port))
        aad = ["--aad", direct if isinstance(direct, str) else aad_url] if direct else []
        environment = {**(settings if known else {}), **(doctor or {})}
        return run("doctor", host.url("msi-func") + query, *aad, *arguments, settings=environment)

    def user(self, name: str, *, api: str = "msi-func-api", query: str = "?as=user", **options: Any) -> Ended:
        """Run the doctor on a call on behalf of a user."""
        token = self.tenant.token(api, user=f"{name}@local.example")
        return self.apps(query=query, users=True, doctor={"MSI_FUNC_TOKEN": token}, **options)

    def fronted(self, chain: Any, direct: Any = None) -> Ended:
        """Run the doctor while requests to AAD_FUNC_URL get the response `chain`, and direct requests get `direct`."""
        url = f"{self.server(chain)}/api/aad-func"
        aad: bool | str = url if direct is chain else bool(direct) and f"{self.server(direct)}/api/aad-func"
        return self.apps(direct=aad, AAD_FUNC_URL=url)

    def shifted(self, seconds: float, *functions: str) -> Ended:
        """Run the doctor on msi-func and aad-func in separate hosts. The listed functions have a shifted clock."""
        (self.folder / "sitecustomize.py").write_text(SHIFTED_CLOCK)
        clock = {"PYTHONPATH": f"{self.folder}:{apps.APP}", "CLOCK_SHIFT": str(seconds)}
        settings = {**apps.aad_settings(self.azure), **(clock if "aad-func" in functions else {})}
        aad = self.stack.enter_context(apps.running(settings))
        settings = apps.msi_settings(self.azure, aad.url("aad-func")) | (clock if "msi-func" in functions else {})
        msi = self.stack.enter_context(apps.running(settings))
        return run("doctor", msi.url("msi-func"), "--aad", aad.url("aad-func"))

    def easy_auth(self, *, api: str = "aad-func") -> Ended:
        """Run the doctor on msi-func and on aad-func behind the emulated Easy Auth of a registration."""
        aad = self.stack.enter_context(apps.running({**apps.aad_settings(self.azure), **apps.EASY_AUTH}))
        url, port = f"{self.azure.origin}", free_port()
        arguments = ("easy-auth", "--to", aad.origin, "--api", api, "--port", port, "--url", url)
        process = self.stack.enter_context(commands.start(*arguments))
        self.stack.callback(process.terminate)
        while apps.is_free(port):
            assert process.poll() is None
            time.sleep(0.05)
        front = f"http://127.0.0.1:{port}/api/aad-func"
        msi = self.stack.enter_context(apps.running(apps.msi_settings(self.azure, front)))
        return run("doctor", msi.url("msi-func"), "--aad", front)

    def fault(self, endpoint: str, **fault: Any) -> "Stage":
        """Inject a fault into the tenant, and return this stage."""
        self.tenant.faults.inject(endpoint, **fault)
        return self


def by_token(with_token: Reply, without: Reply) -> Any:
    """Respond differently to requests with and without a bearer token."""

    def respond(request: Request) -> Reply:
        return with_token if "authorization" in request.headers else without

    return respond
