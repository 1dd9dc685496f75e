"""The commands, in processes: what they print, how they end, and that nothing is left of them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from local_azure import environment
from local_azure.cli import settings_formats
from local_azure.cloud import LocalAzure
from local_azure.serving.port_holder import holder
from local_azure.serving.ports import bind, free_port
from local_azure.tenant.loader import load
from tests.support import commands
from tests.support.apps import APP
from tests.support.clients import verified
from tests.support.commands import call, serving, start

API = "api://aad00002-c11d-4000-8000-000000000000"
ON_LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="told from /proc, which is Linux's")


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_at_a_signal_and_frees_its_ports(number: signal.Signals, state: Path):
    with serving(state) as served:
        ports = [port_of(served.settings[name]) for name in ("IDENTITY_ENDPOINT", "AZURE_AUTHORITY_HOST")]
        assert all(map(is_listening, ports))
        served.process.send_signal(number)
        out, err = served.process.communicate(timeout=commands.SECONDS)
        assert (served.process.returncode, out, err) == (0, "", "")
    assert not any(map(is_listening, ports))


def test_a_restart_does_not_break_what_is_running(tmp_path: Path):
    with serving(tmp_path) as first:
        pass
    with serving(tmp_path, "--https-port", port_of(first.settings["AZURE_AUTHORITY_HOST"])):
        tenant = f"{first.settings['AZURE_AUTHORITY_HOST']}/{first.settings['AZURE_TENANT_ID']}"
        url, bundle = f"{tenant}/discovery/keys", first.settings["REQUESTS_CA_BUNDLE"]
        assert requests.get(url, verify=bundle, timeout=10).status_code == 200


@ON_LINUX
def test_it_is_ready_within_a_second_and_takes_less_than_80_mb(state: Path):
    """Counted in seconds of one core, so that a busy machine does not matter."""
    spent = []
    for _ in range(3):
        with serving(state) as served:
            process = Path(f"/proc/{served.process.pid}")
            # proc_pid_stat(5): user and system time, the 14th and 15th field; the second is a name in parentheses.
            times = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
            spent.append(sum(map(int, times)) / os.sysconf("SC_CLK_TCK"))
            status_of = (process / "status").read_text()
    assert min(spent) < 1
    assert int(re.search(r"VmHWM:\s+(\d+) kB", status_of)[1]) < 80 * 1024


AWKWARD = {"PLAIN": "http://127.0.0.1:8400", "AWKWARD": 'it\'s a $HOME `x` "y" \\'}


def test_export_lines_for_sh_are_safe_in_sh():
    script = settings_formats.FORMATS["sh"](AWKWARD) + '\nprintf "%s\\n" "$PLAIN" "$AWKWARD"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == list(AWKWARD.values())


def test_lines_for_powershell_quote_as_powershell_does():
    lines = settings_formats.FORMATS["powershell"](AWKWARD).splitlines()
    assert lines == ["$env:PLAIN = 'http://127.0.0.1:8400'", "$env:AWKWARD = 'it''s a $HOME `x` \"y\" \\'"]


def test_json_is_what_local_settings_json_wants():
    assert json.loads(settings_formats.FORMATS["json"](AWKWARD)) == {"IsEncrypted": False, "Values": AWKWARD}


def test_the_sample_settings_are_those_of_serve(azure: LocalAzure):
    sample = json.loads((APP / "local.settings.sample.json").read_text())["Values"]
    site, tenant = azure.directory.site("msi-func"), azure.directory.tenant_id
    serve = environment.settings(site, tenant, "http://127.0.0.1:8400", "https://127.0.0.1:8443", Path("bundle"))
    serve["ENTRA_AUTHORITY"] = serve["LOCAL_AZURE_URL"]  # a host that is started by itself does not know the local CA
    names = ("ENTRA_TENANT_ID", "ENTRA_AUTHORITY", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")
    assert {name: sample[name] for name in names} == {name: serve[name] for name in names}


SCRIPT = """
import json, os, sys
from azure.identity import ManagedIdentityCredential
print(json.dumps([ManagedIdentityCredential().get_token("API/.default").token, dict(os.environ)]))
sys.exit(7)
""".replace("API", API)


@pytest.mark.parametrize("how", [[], ["--imds"]], ids=["App Service", "IMDS"])
def test_run_gives_the_command_its_identity_and_passes_the_exit_code_on(how: list[str], state: Path):
    done = call("run", "--port", 0, "--state", state, *how, "--", sys.executable, "-c", SCRIPT)
    assert done.returncode == 7
    token, settings = json.loads(done.stdout)
    assert ("IDENTITY_ENDPOINT" in settings) == (how == [])
    assert re.fullmatch(rf"\[identity\] msi-func: token for {API}, roles: DoAll \(new\)\n", done.stderr)
    assert not any(part in done.stderr for part in token.split("."))
    assert not is_listening(port_of(settings["LOCAL_AZURE_URL"]))


def test_run_is_the_site_that_is_named(state: Path):
    arguments = ("run", "--port", 0, "--state", state, "--site", "msi-func/slots/staging")
    done = call(*arguments, "--", sys.executable, "-c", SCRIPT)
    assert f"msi-func/slots/staging: token for {API}, roles: none (new)" in done.stderr


WAITING = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
sys.exit(9)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_run_passes_a_signal_on_and_returns_what_the_command_made_of_it(state: Path):
    process = start("run", "--port", 0, "--state", state, "--", sys.executable, "-c", WAITING)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    process.communicate(timeout=commands.SECONDS)
    assert process.returncode == 9


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_command_that_a_signal_ended_gives_128_and_its_number(state: Path):
    done = call("run", "--port", 0, "--state", state, "--", "sh", "-c", "kill -KILL $$")
    assert done.returncode == 128 + signal.SIGKILL


@ON_LINUX
def test_run_leaves_nothing_behind(state: Path):
    done = call("run", "--port", 0, "--state", state, "--", "sh", "-c", "sleep 600 & echo $!; sleep 601 & echo $!")
    assert done.returncode == 0
    for process in done.stdout.split():
        status = Path(f"/proc/{process}/status")
        assert not status.exists() or "State:\tZ" in status.read_text()


@ON_LINUX
def test_a_port_that_is_taken_is_told_with_who_has_it(state: Path):
    with bind(0) as listener:
        port = listener.getsockname()[1]
        done = call("serve", "--port", port, "--state", state)
        secure = call("serve", "--port", 0, "--https-port", port, "--state", state)
    name = Path("/proc/self/comm").read_text().strip()
    assert done.returncode == secure.returncode == 1
    message = f"local_azure: Port {port} is in use by {name} (process {os.getpid()}): stop that, or choose another port"
    assert (done.stderr, secure.stderr) == (f"{message} with --port.\n", f"{message} with --https-port.\n")


def test_a_port_where_nobody_listens_has_no_holder():
    with bind(0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert holder(client.getsockname()[1]) is None
    assert holder(port) is None


WRONG = [
    (["serve", "--tenant", "none.json"], "none.json: cannot be read (No such file or directory)"),
    (["serve", "--port", 0, "--site", "ghost"], "No site is called ghost; the tenant file has msi-func, "),
    (["run", "--port", 0, "--", "no-such-command"], "no-such-command cannot be started (No such file or directory)."),
    (["easy-auth", "--to", "http://127.0.0.1:1", "--api", "ghost"], "No application is called ghost; the tenant file"),
    (["easy-auth", "--to", "http://127.0.0.1:1", "--api", "aad-func", "--url", "http://127.0.0.1:1"], "No local"),
    (["control", "--url", "http://127.0.0.1:1", "counters"], "No local tenant responds at http://127.0.0.1:1: start"),
    (
        ["token", "--url", "http://127.0.0.1:1", "--user", "x", "--scope", "y"],
        "No local tenant responds at http://127.",
    ),
    (["serve", "--port", 70000], "Port 70000 does not exist: choose one up to 65535 with --port."),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(map(str, case[0])) for case in WRONG])
def test_what_goes_wrong_at_start_is_one_sentence(arguments, message, state: Path):
    own_state = ["--state", state] if arguments[0] in ("serve", "run") else []
    done = call(arguments[0], *own_state, *arguments[1:])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"local_azure: {message}")
    assert done.stderr.count("\n") == 1


def test_keys_that_are_damaged_are_told_with_the_file(tmp_path: Path):
    for name in ("signing-keys.pem", "ca.pem"):
        state = tmp_path / name
        state.mkdir()
        (state / name).write_text("damaged")
        done = call("serve", "--port", 0, "--state", state)
        assert done.returncode == 1
        assert re.fullmatch(rf"local_azure: \S+{name} is not readable as .*: delete it\.\n", done.stderr)


def test_token_and_control_speak_to_the_tenant_that_runs(azure: LocalAzure, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(azure.certificates.bundle))
    here = {"LOCAL_AZURE_URL": azure.origin}
    done = call("token", "--user", "developer@local.example", "--scope", f"{API}/.default", **here)
    assert done.stderr == ""
    assert verified(azure, done.stdout.strip())["roles"] == ["DoAll"]

    refused = call("token", "--user", "ghost", "--scope", f"{API}/.default", "--url", azure.origin)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("local_azure: AADSTS50034: ")

    assert list(json.loads(call("control", "keys", **here).stdout)) == ["keys"]
    nowhere = {"LOCAL_AZURE_URL": "http://127.0.0.1:9"}
    for told in (("control", "--url", azure.origin, "keys"), ("control", "keys", "--url", azure.origin)):
        assert list(json.loads(call(*told, **nowhere).stdout)) == ["keys"]
    assert json.loads(call("control", "fault", "graph", "--reset", "--count", "1", **here).stdout)["graph"]["reset"]
    assert "graph" in json.loads(call("control", "faults", **here).stdout)
    assert call("control", "clear-faults", **here).stdout == "{}\n"
    assert "msi" in json.loads(call("control", "counters", **here).stdout)
    unknown = call("control", "remove-key", "none", **here)
    assert (unknown.returncode, unknown.stderr) == (1, "local_azure: kid: is not one of the published keys.\n")


def test_one_port_cannot_be_for_both(state: Path):
    port = free_port()
    done = call("serve", "--port", port, "--https-port", port, "--state", state)
    told = f"local_azure: Port {port} cannot serve http and https: choose another one with --https-port.\n"
    assert (done.returncode, done.stderr) == (1, told)


def test_easy_auth_is_a_command(azure: LocalAzure):
    arguments = ("easy-auth", "--to", "http://127.0.0.1:1", "--api", "aad-func", "--port", 0, "--url", azure.origin)
    process = start(*arguments)
    try:
        url = process.stdout.readline().partition(" ")[0]
        assert requests.get(url, timeout=10).status_code == 401
    finally:
        process.terminate()
        process.communicate(timeout=commands.SECONDS)
    assert process.returncode == 0


def test_every_command_has_help_with_what_it_does():
    for arguments in ([], ["demo"], ["run"], ["serve"], ["host"], ["easy-auth"], ["token"], ["control"]):
        done = call(*arguments, "--help")
        assert done.returncode == 0
        assert "usage: python -m local_azure" in done.stdout


def test_a_tenant_as_small_as_can_be_starts_without_graph_or_users(tmp_path: Path):
    tenant = {
        "tenant_id": load().tenant_id,
        "name": "Small",
        "sites": [{"name": "site", "identity_header": "secret"}],
    }
    (tmp_path / "tenant.json").write_text(json.dumps(tenant))
    with serving(tmp_path, "--tenant", tmp_path / "tenant.json") as served:
        assert requests.get(f"{served.url}/v1.0/servicePrincipals", timeout=10).status_code == 401


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_the_demos_calls_as_a_user_work_as_they_are_printed(state: Path):
    demo = start("demo", "--port", 0, "--state", state, stderr=subprocess.DEVNULL)
    try:
        printed = "".join(iter(demo.stdout.readline, "Enter here restarts msi-func, Ctrl+C stops everything.\n"))
        part = printed.partition("On behalf of a user")[2].partition("The 24-hour story")[0]
        answers = [bash(command) for command in re.findall(r"^  (\S.*)$", part, re.MULTILINE)]
    finally:
        demo.terminate()
        demo.communicate(timeout=commands.SECONDS)
    let_in, refused, asked, again = answers
    assert '"kind": "user"' in let_in
    assert '"code": "missing_role"' in refused
    assert 'error="insufficient_claims"' in asked
    assert '"kind": "user"' in again


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
@pytest.mark.parametrize(
    ("arguments", "first", "last"),
    [([], 200, 403), (["--site", "msi-func/slots/staging"], 403, 200)],
    ids=["with the role", "without the role"],
)
def test_the_demos_story_works_as_it_is_printed(arguments, first, last, state: Path):
    demo = start("demo", "--port", 0, "--state", state, *arguments, stderr=subprocess.DEVNULL)
    try:
        printed = "".join(iter(demo.stdout.readline, "Enter here restarts msi-func, Ctrl+C stops everything.\n"))
        story = printed.partition("The 24-hour story")[2]
        token, change, call_1, *rest = re.findall(r"^  (\S.*)$", story, re.MULTILINE)
        assert bash(f"{token}\n{change}")
        assert status(bash(call_1)) == first
        restart(demo)
        assert status(bash(call_1)) == first
        for command in rest[:-1]:
            bash(command)
        assert status(bash(rest[-1])) == first
        restart(demo)
        assert status(bash(rest[-1])) == last
    finally:
        demo.terminate()
        demo.communicate(timeout=commands.SECONDS)
    # It leaves nothing behind.
    ports = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", printed)}
    assert len(ports) == 4
    assert not any(map(is_listening, ports))


def restart(demo: "subprocess.Popen[str]") -> None:
    demo.stdin.write("\n")
    demo.stdin.flush()
    assert demo.stdout.readline() == "msi-func is restarted.\n"


def bash(script: str) -> str:
    done = subprocess.run(["bash", "-c", script], cwd=APP, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


def status(answer: str) -> int:
    """What aad-func said."""
    return json.loads(answer).get("downstream", {}).get("status", 200)


def test_the_demo_runs_once_behind_easy_auth(state: Path):
    done = call("demo", "--once", "--easy-auth", "--port", 0, "--state", state)
    assert done.returncode == 0
    assert '"authenticated_by": "easy_auth"' in done.stdout
    assert "behind Easy Auth" in done.stdout
    # With --port 0 none is fixed: demos do not get in each other's way.
    assert not {"7071", "7072", "8400", "8443"} & set(re.findall(r":(\d+)", done.stdout))
