"""Which FFmpeg may decode: releases from 8.1.2 on, by what they call themselves."""

import subprocess
import sys

import av
import pytest

from pipeline.errors import BackendUnavailableError
from pipeline.media.ffmpeg import require_safe_ffmpeg


@pytest.mark.parametrize(
    "version",
    ["8.1.2", "n8.1.2", "8.1.2-1ubuntu3", "8.1.10", "8.2", "n8.2-dev-1-gabc", "9.0", "10.1"],
)
def test_a_safe_one_is_let_pass(version: str) -> None:
    require_safe_ffmpeg(version)


@pytest.mark.parametrize(
    "version",
    ["8.1.1", "n8.1.1", "8.1", "8.0.9", "7.1.4", "n4.4.2-0ubuntu0.22.04.1", "0.11"],
)
def test_an_older_one_is_refused(version: str) -> None:
    with pytest.raises(BackendUnavailableError) as refused:
        require_safe_ffmpeg(version)

    assert version in str(refused.value)
    assert "8.1.2 or newer (CVE-2026-8461)" in str(refused.value)


@pytest.mark.parametrize("version", ["", "unknown", "N-120000-g0123abc", "git-2026-05-01-0123abc"])
def test_one_that_does_not_say_how_old_it_is_is_refused(version: str) -> None:
    with pytest.raises(BackendUnavailableError, match=r"8\.1\.2 or newer"):
        require_safe_ffmpeg(version)


def test_the_one_that_is_installed_is_safe() -> None:
    assert av.ffmpeg_version_info
    require_safe_ffmpeg()


def test_a_decoder_does_not_start_on_an_old_one() -> None:
    program = (
        "import av; av.ffmpeg_version_info = '8.1.1'\n"
        "from pipeline.media.decoder import main\n"
        "main(['--examine'])\n"
    )
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "FFmpeg is '8.1.1'" in done.stderr
    assert done.stdout == ""
