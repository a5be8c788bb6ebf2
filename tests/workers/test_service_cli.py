"""The commands of the service, as operators type them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from typer.testing import CliRunner, Result

from tests.models import write_colour_model
from tests.workers.test_cli import POLICY
from workers.cli import app
from workers.queue.embedded import running_valkey
from workers.service import open_service
from workers.settings import read_settings
from workers.store.tables import audit

SECRET = "a-word-that-nobody-may-see"  # noqa: S105 - it opens nothing


def heatreel(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a service with one policy, all of it on this machine."""
    model = write_colour_model(tmp_path)
    (tmp_path / "magenta.toml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "clips").mkdir()
    settings = {
        "HEATREEL_HOME": str(tmp_path / "home"),
        "HEATREEL_POLICIES": json.dumps([str(tmp_path / "magenta.toml")]),
        "HEATREEL_MODELS": json.dumps({"colour": str(model)}),
        "HEATREEL_URIS": json.dumps([f"file://{tmp_path}/clips/"]),
        "HEATREEL_DEVICE": "cpu",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def migrated(home: Path) -> Path:
    assert heatreel("migrate").exit_code == 0
    return home


@pytest.mark.usefixtures("home")
def test_settings_are_shown_and_secrets_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEATREEL_BROKER_URL", f"redis://:{SECRET}@localhost/0")
    result = heatreel("settings")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["slots"] == 2
    assert SECRET not in result.output


@pytest.mark.usefixtures("home")
def test_no_secret_is_ever_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {
        "DATABASE_URL": f"postgresql+psycopg://heatreel:{SECRET}@127.0.0.1:1/heatreel",
        "BROKER_URL": f"redis://:{SECRET}@127.0.0.1:1/0",
        "S3_KEY": SECRET,
        "S3_SECRET": SECRET,
    }
    for name, value in places.items():
        monkeypatch.setenv(f"HEATREEL_{name}", value)
    said = [heatreel(word).output for word in ("settings", "doctor", "migrate")]

    assert all(said)
    assert SECRET not in "".join(said)


@pytest.mark.usefixtures("home")
def test_wrong_settings_are_told_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEATREEL_SLOTS", "none")
    monkeypatch.setenv("HEATREEL_PORT", "99999999")
    result = heatreel("settings")

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2
    assert all(line.startswith("heatreel: ") for line in result.stderr.splitlines())


@pytest.mark.usefixtures("migrated")
def test_a_key_is_shown_once_and_can_be_revoked() -> None:
    made = heatreel("keys", "create", "uploads", "--role", "uploader").stdout.splitlines()
    key_id = made[0].split()[0]
    secret = made[1]

    assert secret.startswith("hrk_")
    listed = heatreel("keys", "list").stdout
    assert f"{key_id}  uploader  uploads\n" in listed
    assert secret not in listed
    assert heatreel("keys", "revoke", key_id).exit_code == 0
    assert "revoked" in heatreel("keys", "list").stdout
    assert heatreel("keys", "revoke", key_id).exit_code == 2


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[2J", "x" * 101], ids=ascii)
def test_a_key_that_nobody_could_read_in_the_audit_log_is_refused(name: str) -> None:
    result = heatreel("keys", "create", name)

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert heatreel("keys", "list").stdout == ""


@pytest.mark.usefixtures("migrated")
def test_an_edited_audit_log_is_found() -> None:
    heatreel("keys", "create", "uploads")
    assert heatreel("audit", "verify").exit_code == 0
    database = open_service(read_settings()).database
    with database.write() as connection:
        connection.execute(update(audit).values(actor="somebody else"))
    database.close()
    result = heatreel("audit", "verify")

    assert result.exit_code == 2
    assert result.stdout == "row 1: was edited\n"


@pytest.mark.usefixtures("migrated")
def test_an_audit_log_that_was_cut_off_is_found_by_the_head_that_was_noted() -> None:
    for name in ("one", "two", "three"):
        heatreel("keys", "create", name)
    told = heatreel("audit", "verify").stdout
    assert re.fullmatch(r"head 3:[0-9a-f]{64}\n", told)
    head = told.split()[1]
    database = open_service(read_settings()).database
    with database.write() as connection:
        connection.execute(delete(audit).where(audit.c.number == 3))
    database.close()

    assert heatreel("audit", "verify").exit_code == 0  # by itself the log cannot know
    result = heatreel("audit", "verify", "--head", head)
    assert result.exit_code == 2
    assert result.stdout == "row 3: is not there, or not the one that was noted\n"
    heatreel("keys", "create", "another third one")
    assert heatreel("audit", "verify", "--head", head).exit_code == 2


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize(
    "head", ["", "3", ":", "x:" + "f" * 64, "-1:" + "f" * 64, "3:" + "F" * 64, "9" * 99 + ":x"]
)
def test_a_head_that_is_none_is_refused(head: str) -> None:
    result = heatreel("audit", "verify", f"--head={head}")

    assert result.exit_code == 2
    assert "NUMBER:HASH" in result.stderr


def test_videos_are_enqueued_once(migrated: Path) -> None:
    clip = migrated / "clips" / "clip.mp4"
    clip.write_bytes(b"x")
    first = heatreel("enqueue", str(clip))
    again = heatreel("enqueue", clip.as_uri())

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.stdout.split()[0] == again.stdout.split()[0]
    assert "known already" in again.stdout


@pytest.mark.parametrize("uri", ["/etc/passwd", "https://example.org/a.mp4", "file:///clips/../x"])
def test_what_the_operator_does_not_allow_is_not_enqueued(migrated: Path, uri: str) -> None:
    assert migrated
    result = heatreel("enqueue", uri)

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("migrated")
def test_the_doctor_names_what_is_away() -> None:
    """There is no broker; everything else is well."""
    lines = heatreel("doctor")
    found = {line[7:].partition(":")[0]: line[:5] for line in lines.stdout.splitlines()}

    assert lines.exit_code == 2
    assert found.pop("broker") == "FAULT"
    assert set(found.values()) == {"ok   "}


def test_the_doctor_finds_nothing_where_all_is_well(migrated: Path) -> None:
    with running_valkey(migrated / "home"):
        result = heatreel("doctor")

    assert result.exit_code == 0
    assert "FAULT" not in result.stdout
    assert "broker: answers, 0 bells wait" in result.stdout


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/x", "database"),
        ("ARTIFACTS_URL", "file:///proc/nowhere", "artifacts"),
        ("POLICIES", '["no-such-policy"]', "policies and models"),
    ],
)
def test_the_doctor_looks_at_everything_though_one_thing_is_away(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, what: str
) -> None:
    monkeypatch.setenv(f"HEATREEL_{name}", value)
    lines = heatreel("doctor").stdout.splitlines()

    assert {line[7:].partition(":")[0] for line in lines if line.startswith("FAULT")} == {
        "broker",
        what,
    }
    assert len(lines) == 7


@pytest.mark.usefixtures("home")
def test_the_doctor_misses_the_tables() -> None:
    found = heatreel("doctor").stdout

    assert "FAULT  database: its tables are not up to date; run `heatreel migrate`" in found


@pytest.mark.usefixtures("migrated")
def test_a_worker_of_unknown_queues_does_not_start() -> None:
    """In a process of its own: it sets up the logs of the whole process."""
    words = [sys.executable, "-m", "workers.cli", "worker", "--queues", "plan,cook"]
    result = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603

    assert result.returncode == 2
    assert "cook" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("up",), ("worker",), ("relay",), ("serve",), ("enqueue",), ("migrate",), ("settings",),
        ("doctor",), ("keys",), ("keys", "create"), ("keys", "list"), ("keys", "revoke"),
        ("audit",), ("audit", "verify"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_each_command_says_what_it_does(words: tuple[str, ...]) -> None:
    result = heatreel(*words, "--help")

    assert result.exit_code == 0
    assert f"Usage: heatreel {' '.join(words)} " in result.stdout


def test_the_command_that_nobody_types_is_not_listed() -> None:
    assert "broker " not in heatreel("--help").stdout.replace("broker, relay", "")
