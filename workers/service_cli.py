"""The command line of the service: options and their help; see `workers.service_commands`."""

from functools import partial
from importlib import import_module
from typing import Annotated

import typer

from workers.commands import run_safely
from workers.store.records import Role

ALL_QUEUES = "plan,chunk,judge,submit"

service = typer.Typer(no_args_is_help=True)
keys = typer.Typer(help="API keys.", no_args_is_help=True)
audit = typer.Typer(help="The audit log.", no_args_is_help=True)

Queues = Annotated[str, typer.Option(help="What it does, by commas: plan, chunk, judge, submit.")]
PolicyId = Annotated[str | None, typer.Option(help="Id of a policy.  [the first of the settings]")]


def _run(name: str, *arguments: object, **options: object) -> None:
    """Run a function of `workers.service_commands`, which a plain scan need not load."""
    commands = import_module("workers.service_commands")
    code = run_safely(partial(getattr(commands, name), *arguments, **options))
    raise typer.Exit(code)


@service.command()
def up() -> None:
    """Run the whole service on this machine: broker, relay, worker, API. Ctrl-C ends it."""
    _run("run_up")


@service.command()
def worker(*, queues: Queues = ALL_QUEUES) -> None:
    """Run a worker."""
    _run("run_worker_process", queues.split(","))


@service.command()
def relay() -> None:
    """Run a relay: it rings for what is due, takes back what nobody holds, delivers webhooks."""
    _run("run_relay")


@service.command()
def serve() -> None:
    """Serve the API."""
    _run("run_serve")


@service.command(hidden=True)
def broker() -> None:
    """Run the embedded broker; `heatreel up` does."""
    _run("run_broker")


@service.command()
def enqueue(
    videos: Annotated[list[str], typer.Argument(help="Paths or URIs that the settings allow.")],
    *,
    policy: PolicyId = None,
    tag: Annotated[str, typer.Option(help="Your name for them.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the verdicts.")] = False,
) -> None:
    """Submit videos to the service, and with --wait exit as `heatreel scan` would."""
    _run("run_enqueue", videos, policy=policy, tag=tag, is_awaited=wait)


@service.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    _run("run_migrate")


@service.command()
def settings() -> None:
    """Print the effective settings, secrets masked."""
    _run("run_settings")


@service.command()
def doctor() -> None:
    """Look at everything that the service needs, and say what is wrong."""
    _run("run_doctor")


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Whose it is; stands in the audit log.")],
    *,
    role: Annotated[Role, typer.Option(help="What its holder may do.")] = Role.UPLOADER,
) -> None:
    """Make an API key and show it, once."""
    _run("run_keys_create", name, role)


@keys.command("list")
def list_keys() -> None:
    """List the API keys."""
    _run("run_keys_list")


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """Revoke an API key."""
    _run("run_keys_revoke", key_id)


@audit.command()
def verify(
    *,
    head: Annotated[
        str | None, typer.Option(help="NUMBER:HASH that this command has told before.")
    ] = None,
) -> None:
    """Check that no row of the audit log was edited, deleted or moved, and tell its head.

    Rows that were cut off at its end are found only by a head that was noted before.
    """
    _run("run_audit_verify", head)


service.add_typer(keys, name="keys")
service.add_typer(audit, name="audit")
