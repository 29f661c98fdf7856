"""`readiness sandbox`: the embedded target by hand."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from harness import clock
from harness.errors import Interrupted, Refused, SandboxError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from readiness_sandbox.client import Client
    from readiness_sandbox.cluster.store import Object
    from readiness_sandbox.directory import Directory
    from readiness_sandbox.messages import Message
    from readiness_sandbox.progress import RollOut

_DOWN_WITHIN_S: Final = 10.0
_ROLLED_OUT_WITHIN_S: Final = 120.0
_DIR = click.option("--dir", "root", type=click.Path(path_type=Path, file_okay=False), help="Directory of the sandbox.")

_AS = click.option(
    "--as",
    "stands_for",
    type=click.Choice(["sandbox", "staging"]),
    default="sandbox",
    show_default=True,
    help="Environment in the target file; `staging` also adds sample reports.",
)
_PARTS = click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="NAME",
    help="Part of the platform to deploy besides the core, e.g. `monitor`; may be repeated.",
)


@click.group()
def sandbox() -> None:
    """Start and stop the sandbox by hand."""


@sandbox.command()
@_DIR
@click.option("--release", default="1.0.0", show_default=True, metavar="NAME|DIR", help="Release to run.")
@_AS
@_PARTS
@click.option("--hold", is_flag=True, help="Stay in the foreground; stop at the end of stdin.")
def up(*, root: Path | None, release: str, hold: bool, stands_for: str, parts: tuple[str, ...]) -> int:
    """Start the sandbox.

    The command returns when the sandbox is ready, and target.yaml and kubeconfig are written. If the release replaces another release,
    the sandbox starts with the old one, and the new one is rolled out later.
    """
    from readiness_sandbox.platform.parts import with_needs
    from readiness_sandbox.releases import load_release
    from readiness_sandbox.supervisor import Supervisor, Wish

    directory = _directory(root)
    chosen = load_release(release)
    deployed = with_needs(parts)
    release = str(Path(release).absolute()) if Path(release).is_dir() else release
    release = chosen.replaces or release
    tell = _telling(directory, stands_for, chosen.candidate)
    if hold:
        wish = Wish(root=directory.root, release=release, hold=True, parts=deployed)
        Supervisor(wish, tell).run()
        return 0
    _start_detached(directory, release, deployed, tell)
    return 0


@sandbox.command()
@_DIR
def down(*, root: Path | None) -> int:
    """Stop the sandbox and delete its files.

    If no sandbox runs, the command also succeeds. A directory that is not a sandbox's is refused.
    """
    from readiness_sandbox import marker, processes
    from readiness_sandbox.directory import Lock, holder

    directory = _directory(root)
    if not marker.is_claimed(directory.root):
        if directory.root.exists() and (not directory.root.is_dir() or any(directory.root.iterdir())):
            raise Refused(
                "this is not the directory of a sandbox, since its marker file is missing; nothing was changed",
                where=str(directory.root),
                hint="name the `--dir` of `readiness sandbox up`",
            )
        click.echo(f"no sandbox ran in {directory.root}")
        return 0
    pid = holder(directory)
    if pid is not None:
        processes.kill(pid, signal.SIGTERM)
        for _ in clock.Deadline.after(_DOWN_WITHIN_S).ticks(0.05):
            if holder(directory) is None:
                break
        else:
            processes.kill(pid)
    if directory.root.exists():
        lock = Lock(directory)
        lock.take()
        directory.sweep()
        lock.release()
    click.echo("the sandbox is down" if pid else f"no sandbox ran in {directory.root}")
    return 0


@sandbox.command()
@_DIR
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, root: Path | None, as_json: bool) -> int:
    """Show the nodes and workloads of the sandbox.

    Exits with 4 if no sandbox runs.
    """
    from readiness_sandbox.client import connected
    from readiness_sandbox.directory import holder

    directory = _directory(root)
    with connected(directory) as client:
        found: dict[str, object] = {
            "pid": holder(directory),
            "directory": str(directory.root),
            "target": str(directory.target) if directory.target.exists() else None,
            "kubeconfig": str(directory.kubeconfig),
            **platform_state(client.objects("Node"), client.workloads()),
        }
    click.echo(json.dumps(found, indent=2) if as_json else _as_text(found))
    return 0


@sandbox.command()
@click.argument("release", metavar="NAME|DIR")
@_DIR
def deploy(*, release: str, root: Path | None) -> int:
    """Deploy another release to the running sandbox.

    The command returns when the release runs.
    """
    from readiness_sandbox import target
    from readiness_sandbox.client import connected
    from readiness_sandbox.platform import repository
    from readiness_sandbox.platform.credentials import Credentials
    from readiness_sandbox.platform.render import render
    from readiness_sandbox.releases import load_release

    chosen, directory = load_release(release), _directory(root)
    with connected(directory) as client:
        # The sandbox keeps the credentials it was born with, so the Secrets of this rendering are left out; the weights of routes are its controller's.
        everything = render(chosen, Credentials.generate(), target.deployed_parts(directory))
        objects = [each for each in everything if each["kind"] not in ("Secret", "HTTPRoute")]
        client.apply(objects)
        repository.write(directory.repository, chosen, objects)
        client.wait(_ROLLED_OUT_WITHIN_S, click.echo)
    target.set_release(directory, chosen.version)
    click.echo(f"release {chosen.version} runs")
    return 0


@sandbox.command()
@click.argument("pod", metavar="[NAMESPACE/]POD")
@_DIR
@click.option("--container", "-c", default="", help="Container, if the pod has several.")
@click.option("--previous", "-p", is_flag=True, help="Print the log of the previous container instance.")
@click.option("--follow", "-f", is_flag=True, help="Stream the log.")
@click.option("--tail", type=int, help="Number of lines from the end of the log.")
def logs(*, pod: str, root: Path | None, container: str, previous: bool, follow: bool, tail: int | None) -> int:
    """Print the log of a pod."""
    from readiness_sandbox.client import connected

    query = {"container": container, "previous": str(previous).lower(), "follow": str(follow).lower()}
    if tail is not None:
        query["tailLines"] = str(tail)
    with connected(_directory(root)) as client:
        namespace, name = _pod(client, pod)
        with client.log(namespace, name, **query) as chunks:
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
    return 0


@sandbox.command()
@_DIR
@click.option("--release", default="1.0.0", show_default=True, metavar="NAME|DIR", help="Release of the sandbox.")
@_AS
@_PARTS
@click.option(
    "--samples",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Directory for copies of the sample reports of `--as staging`.  [default: no copies; the file names the paths of `up`]",
)
def describe(*, root: Path | None, release: str, stands_for: str, parts: tuple[str, ...], samples: Path | None) -> int:
    """Print the target file that `up` would write.

    Nothing is started, so the addresses in the file do not work.
    """
    import yaml

    from readiness_sandbox.platform.describe import MEMBERS, SHARES, Addresses
    from readiness_sandbox.platform.describe import describe as described
    from readiness_sandbox.platform.parts import described as with_parts
    from readiness_sandbox.platform.staging import SAMPLES, copy_samples, named_as, standing_for
    from readiness_sandbox.releases import load_release
    from readiness_sandbox.target import ALL_SERVICES, with_candidate

    directory, nowhere = _directory(root), "127.0.0.1"
    addresses = Addresses(
        entry=f"http://{nowhere}",
        regions=dict.fromkeys(SHARES, f"http://{nowhere}"),
        members=dict.fromkeys(MEMBERS, nowhere),
        services=dict.fromkeys((f"{region}/{name}" for region in SHARES for name in ALL_SERVICES), f"http://{nowhere}"),
    )
    chosen = load_release(release)
    content = described(
        addresses,
        release=chosen.replaces or chosen.version,
        kubeconfig=directory.kubeconfig,
        secrets=directory.secrets,
        flows=directory.flows,
        repository=directory.repository,
    )
    content = with_parts(content, parts, lambda _namespace, _name: f"http://{nowhere}")
    content = with_candidate(content, chosen.candidate)
    if stands_for != "sandbox":
        if samples is not None:
            copy_samples(samples, named_as(content, stands_for))
        content = standing_for(content, stands_for, samples or directory.root / SAMPLES, directory.repository)
    click.echo(yaml.safe_dump(content, sort_keys=False), nl=False)
    return 0


@sandbox.command()
@_DIR
def env(*, root: Path | None) -> int:
    """Print environment variables for other tools.

    They are for kubectl, chaos and locust: eval "$(readiness sandbox env)".
    """
    import yaml

    directory = _directory(root)
    if not directory.target.exists():
        hint = "start it with `readiness sandbox up`"
        raise UsageError("no sandbox is ready in this directory", where=str(directory.root), hint=hint)
    content = yaml.safe_load(directory.target.read_text())
    variables = {
        "KUBECONFIG": str(directory.kubeconfig),
        "KUBERNETES_CONTEXT": content["kubernetes"]["context"],
        "KUBECACHEDIR": str(directory.kubecache),
        "NO_PROXY": "127.0.0.0/8,127.0.0.1,localhost",
        "no_proxy": "127.0.0.0/8,127.0.0.1,localhost",
        "READINESS_TARGET": str(directory.target),
        "ENTRY": content["entry"],
    }
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    return 0


def _directory(root: Path | None) -> Directory:
    from harness.targets.state import state_directory
    from readiness_sandbox.directory import Directory

    try:
        return Directory((root or state_directory() / "sandbox").expanduser().absolute())
    except RuntimeError as error:
        raise UsageError(f"`~` cannot be resolved: {error}", where=str(root), hint="write the full path") from error


def _telling(directory: Directory, stands_for: str, candidate: str = "") -> Callable[[Message], None]:
    """Pass news on; before a sandbox is ready, its target file says what it stands for and which candidate replaces its release."""
    from readiness_sandbox import target

    def tell(message: Message) -> None:
        if "ready" in message and candidate:
            target.set_candidate(directory, candidate)
        if "ready" in message and stands_for != "sandbox":
            target.stand_for(directory, stands_for)
        _tell(message)

    return tell


def _tell(message: Message) -> None:
    if "ready" in message:
        click.echo(f"ready {message['ready']}")
    else:
        click.echo(message["say"])


def _start_detached(directory: Directory, release: str, parts: Sequence[str], tell: Callable[[Message], None]) -> None:
    """Start a supervisor that outlives this command; pass its news on until it is ready."""
    command = [sys.executable, "-m", "readiness_sandbox", str(directory.root), "--release", release]
    command += [word for name in parts for word in ("--part", name)]
    # It must not hold this command's standard error open: a reader of that pipe would wait for ever.
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as child:
        try:
            for line in child.stdout or ():
                message = json.loads(line)
                if "failed" in message:
                    error = Refused if child.wait() == Refused.exit_code else SandboxError
                    raise error(**message["failed"])
                tell(message)
                if "ready" in message:
                    child.returncode = 0  # it keeps running, detached from this process
                    return
        except KeyboardInterrupt:
            child.terminate()
            child.wait()
            raise Interrupted("the sandbox was stopped before it was ready") from None
        raise SandboxError(
            f"the sandbox ended with exit code {child.wait()}", where=str(directory.log), hint="see this log"
        )


def platform_state(nodes: Sequence[Object], workloads: Sequence[RollOut]) -> dict[str, object]:
    """Nodes and workloads as `sandbox status --json` has them."""
    return {
        "nodes": {each["metadata"]["name"]: _node_state(each) for each in nodes},
        "workloads": [
            {"namespace": w.namespace, "name": w.name, "kind": w.kind, "ready": w.ready, "desired": w.desired}
            for w in workloads
        ],
    }


def _node_state(node: dict[str, object]) -> str:
    from readiness_sandbox.cluster.kubelet.status import condition

    return "Ready" if condition(node, "Ready").get("status") == "True" else "NotReady"


def _as_text(found: dict[str, object]) -> str:
    nodes, workloads = found["nodes"], found["workloads"]
    assert isinstance(nodes, dict)  # noqa: S101 - built above
    assert isinstance(workloads, list)  # noqa: S101 - built above
    lines = [f"sandbox in {found['directory']} (pid {found['pid']})", f"  kubeconfig {found['kubeconfig']}"]
    lines += [f"  target     {found['target'] or 'not ready yet'}", "nodes"]
    lines += [f"  {name:<20} {state}" for name, state in nodes.items()]
    lines += ["workloads"]
    lines += [f"  {w['namespace'] + '/' + w['name']:<36} {w['ready']}/{w['desired']}" for w in workloads]
    return "\n".join(lines)


def _pod(client: Client, text: str) -> tuple[str, str]:
    """The selected pod: `namespace/name`, or a name that only one pod has or begins with."""
    namespace, _, name = text.rpartition("/")
    pods = [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in client.objects("Pod")]
    here = [each for each in pods if not namespace or each[0] == namespace]
    found = [each for each in here if each[1] == name] or [each for each in here if each[1].startswith(name)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join("/".join(each) for each in sorted(found or pods)[:8])
    what = f"{len(found)} pods have this name, expected one" if found else "no pod has this name"
    raise UsageError(what, where=text, hint=f"use one of: {listed}")
