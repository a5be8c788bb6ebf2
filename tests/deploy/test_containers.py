"""Containers run commands that there are, with settings that there are, and may do little else."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.deploy.deploy_parts import (
    COMPOSE,
    DOCKERFILE,
    LIVENESS,
    Container,
    containers,
    image_environment,
    manifests,
    of_kind,
    texts,
)
from workers.cli import app
from workers.queue.app import SUBMIT_QUEUE
from workers.settings import OTHERS, PREFIX, Settings, read_settings
from workers.store.records import StepKind

VARIABLES = {PREFIX + name.upper() for name in Settings.model_fields} | OTHERS
GRACE_S = Settings.model_fields["grace_s"].default
ALL = containers()
PODS = {
    name: manifest["spec"]["template"]["spec"]
    for kind in ("Deployment", "Job")
    for name, manifest in of_kind(kind).items()
}


def each_container() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("container", ALL, ids=lambda one: one.where)


def is_command(words: tuple[str, ...]) -> bool:
    """Whether the command line knows a command and its options."""
    return CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


def test_a_command_or_an_option_that_there_is_not_would_be_noticed() -> None:
    assert not is_command(("work",))
    assert not is_command(("worker", "--queue", "plan"))


@each_container()
def test_it_runs_a_command_that_there_is(container: Container) -> None:
    assert is_command(container.words)


@each_container()
def test_a_worker_does_kinds_of_steps_that_there_are(container: Container) -> None:
    if container.words[0] == "worker":
        assert container.words[1] == "--queues"
        kinds = {kind.value for kind in StepKind} | {SUBMIT_QUEUE}
        assert set(container.words[2].split(",")) <= kinds


@each_container()
def test_its_probe_looks_for_the_progress_of_what_it_does(container: Container) -> None:
    match container.words[0]:
        case "worker":
            kinds = ",".join(one for one in container.words[2].split(",") if one != SUBMIT_QUEUE)
            assert container.probe == ("python", LIVENESS, "worker", kinds)
        case "relay":
            assert container.probe == ("python", LIVENESS, "relay")
        case "serve":
            assert LIVENESS not in container.probe
        case one_shot:
            assert one_shot in ("migrate", "doctor")
            assert not container.probe


def test_the_probe_is_in_the_image() -> None:
    folder = LIVENESS.rpartition("/")[0]
    assert f"WORKDIR {folder}\n" in DOCKERFILE
    assert "COPY deploy/liveness.py deploy/liveness.sql ./" in DOCKERFILE


def test_every_command_that_a_comment_names_is_there() -> None:
    named = {
        words
        for text in texts().values()
        for words in re.findall(r"(?:`|-- |\.toml )heatreel ([a-z]+(?: create)?)", text)
    }
    assert len(named) >= 4
    for words in named:
        assert is_command(tuple(words.split())), words


def test_every_variable_that_is_named_is_a_setting() -> None:
    for name, text in texts().items():
        assert set(re.findall(r"\bHEATREEL_[A-Z0-9_]+", text)) <= VARIABLES, name


@each_container()
def test_its_settings_are_accepted(
    container: Container, secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = container.environment["HEATREEL_SETTINGS"]
    assert mounted.startswith("/run/secrets/")
    assert mounted.endswith("/heatreel.toml")
    paths = {"HEATREEL_SETTINGS": str(secrets / "heatreel.toml"), "HEATREEL_HOME": str(tmp_path)}
    for name, value in (container.environment | paths).items():
        monkeypatch.setenv(name, value)
    settings = read_settings()

    assert settings.database.startswith("postgresql+psycopg://heatreel:")
    assert settings.broker.startswith("redis://heatreel:")
    assert settings.home == tmp_path


@each_container()
def test_it_may_do_little(container: Container) -> None:
    if container.owner is container.raw:  # Compose
        assert container.raw["read_only"] is True
        assert container.raw["cap_drop"] == ["ALL"]
        assert container.raw["security_opt"] == ["no-new-privileges:true"]
        limits = container.raw["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory", "pids"}
        return
    assert container.raw["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container.raw["resources"]["requests"]
    assert container.raw["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", PODS)
def test_a_pod_is_nobody_in_particular(name: str) -> None:
    pod = PODS[name]
    context = pod["securityContext"]
    (user,) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    assert context["runAsNonRoot"] is True
    assert (context["runAsUser"], context["runAsGroup"]) == tuple(map(int, user))
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", PODS)
def test_a_pod_is_told_no_variables_of_services_which_would_be_taken_for_settings(
    name: str,
) -> None:
    assert PODS[name]["enableServiceLinks"] is False


@each_container()
def test_what_is_in_work_has_time_to_end(container: Container) -> None:
    if container.owner is container.raw:
        assert int(container.raw["stop_grace_period"].removesuffix("s")) > GRACE_S + 10
    elif container.words[0] in ("worker", "serve", "relay"):
        assert container.owner["terminationGracePeriodSeconds"] > GRACE_S + 10


@each_container()
def test_all_that_it_writes_to_is_mounted(container: Container) -> None:
    home = image_environment()["HEATREEL_HOME"]
    if container.owner is container.raw:
        assert container.raw["volumes"] == [f"home:{home}"]
        assert container.raw["tmpfs"][0].startswith("/tmp:")  # noqa: S108 - the container's own
        return
    places = {one["mountPath"]: one["name"] for one in container.raw["volumeMounts"]}
    volumes = {one["name"]: one for one in container.owner["volumes"]}
    assert "emptyDir" in volumes[places[home]]
    assert "emptyDir" in volumes[places["/tmp"]]  # noqa: S108 - likewise
    settings = Path(container.environment["HEATREEL_SETTINGS"]).parent
    assert "secret" in volumes[places[str(settings)]]


def test_in_compose_the_api_alone_is_published_and_to_this_machine_alone() -> None:
    published = {name: one["ports"] for name, one in COMPOSE["services"].items() if "ports" in one}
    assert published == {"api": ["127.0.0.1:8080:8080"]}


def test_in_compose_only_those_who_must_can_reach_the_world() -> None:
    assert COMPOSE["networks"]["back"] == {"internal": True}
    outside = {name for name, one in COMPOSE["services"].items() if set(one["networks"]) - {"back"}}
    assert outside == {"api", "relay"}


def test_in_compose_whoever_runs_on_is_started_again_and_says_how_it_is() -> None:
    for name, service in COMPOSE["services"].items():
        if name != "migrate":
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"], name


def test_in_compose_secrets_are_files_and_all_are_made(secrets: Path) -> None:
    files = {name: one["file"] for name, one in COMPOSE["secrets"].items()}
    assert files == {name: f"secrets/{name}" for name in files}
    assert {path.name for path in secrets.iterdir()} == set(files)
    assert secrets.stat().st_mode & 0o077 == 0


def test_only_who_needs_a_gpu_has_one_and_only_where_it_is_asked_for() -> None:
    services = COMPOSE["services"]
    assert {name for name, one in services.items() if "profiles" in one} == {"worker-gpu"}
    gpu = [one for one in ALL if one.environment.get("HEATREEL_DEVICE") == "cuda"]
    assert {one.where for one in gpu} == {"compose worker-gpu", "worker-gpu worker-gpu"}
    assert {one.raw["image"] for one in gpu} == {"heatreel:gpu", "heatreel-gpu"}


def test_selectors_select_what_there_is() -> None:
    components = {
        manifest["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
        for kind in ("Deployment", "Job")
        for manifest in of_kind(kind).values()
    }
    named = re.findall(
        r"app\.kubernetes\.io/component'?: '?([a-z-]+)", str(manifests()).replace('"', "'")
    )
    assert set(named) <= components
    assert set(of_kind("PodDisruptionBudget")) == components - {"migrate"}


def test_nobody_reaches_anybody_unless_a_policy_says_so() -> None:
    policies = of_kind("NetworkPolicy")
    assert policies["nothing"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
