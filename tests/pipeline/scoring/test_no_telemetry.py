"""Nothing is sent off the machine that the operator did not name."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("module", ["pipeline.scoring.backend", "workers.doctor"])
def test_onnx_runtime_reports_to_nobody(module: str, tmp_path: Path) -> None:
    """It writes an id of the machine into its user's cache unless it is told not to report."""
    program = f"import {module}, onnxruntime; onnxruntime.SessionOptions()"
    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program], env={"HOME": str(tmp_path)}, cwd=ROOT, check=True
    )

    assert not list(tmp_path.rglob("*onnxruntime*"))
