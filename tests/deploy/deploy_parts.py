"""The files of deploy/, read as those who use them read them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
LIVENESS = "/opt/heatreel/liveness.py"


@dataclass(frozen=True, slots=True)
class Container:
    """One container of ours, in Compose or Kubernetes.

    Attributes:
        where: file and name, for test ids.
        words: of its command line, after `heatreel`.
        probe: words of the command that says whether it is healthy; empty where none does.
        environment: its variables, those of the image included.
        raw: as the file has it.
        owner: what it stands in: the service of Compose itself, or a pod's spec.
    """

    where: str
    words: tuple[str, ...]
    probe: tuple[str, ...]
    environment: dict[str, str]
    raw: dict[str, Any] = field(repr=False)
    owner: dict[str, Any] = field(repr=False)


def texts() -> dict[str, str]:
    """Return the content of every file of deploy/, secrets that were made there left out."""
    paths = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
    names = {path.relative_to(DEPLOY).as_posix(): path for path in paths}
    return {
        name: path.read_text(encoding="utf-8")
        for name, path in names.items()
        if not name.startswith("secrets/") and path.suffix != ".pyc"
    }


def manifests() -> list[dict[str, Any]]:
    """Return what the base for Kubernetes consists of."""
    base = DEPLOY / "k8s" / "base"
    kustomization = yaml.safe_load((base / "kustomization.yaml").read_text(encoding="utf-8"))
    return [
        manifest
        for name in kustomization["resources"]
        for manifest in yaml.safe_load_all((base / name).read_text(encoding="utf-8"))
    ]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    """Return the manifests of a kind by their names."""
    return {one["metadata"]["name"]: one for one in manifests() if one["kind"] == kind}


def image_environment() -> dict[str, str]:
    """Return our variables that the image sets."""
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    return dict(re.findall(r"\b(HEATREEL_\w+)=(\S+)", final))


def containers() -> list[Container]:
    """Return every container that runs `heatreel`."""
    return [*_of_compose(), *_of_kubernetes()]


def _of_compose() -> Iterator[Container]:
    for name, service in COMPOSE["services"].items():
        if not service["image"].startswith("heatreel:"):
            continue
        probe = service.get("healthcheck", {}).get("test", ["CMD"])
        assert probe[0] == "CMD"
        yield Container(
            where=f"compose {name}",
            words=tuple(service["command"]),
            probe=tuple(probe[1:]),
            environment=image_environment() | service["environment"],
            raw=service,
            owner=service,
        )


def _of_kubernetes() -> Iterator[Container]:
    config = of_kind("ConfigMap")["heatreel"]["data"]
    for kind in ("Deployment", "Job"):
        for name, manifest in of_kind(kind).items():
            pod = manifest["spec"]["template"]["spec"]
            for raw in (*pod.get("initContainers", ()), *pod["containers"]):
                own = {one["name"]: one["value"] for one in raw.get("env", ())}
                probe = raw.get("livenessProbe", {}).get("exec", {}).get("command", ())
                yield Container(
                    where=f"{name} {raw['name']}",
                    words=tuple(raw["args"]),
                    probe=tuple(probe),
                    environment=image_environment() | config | own,
                    raw=raw,
                    owner=pod,
                )
