"""Where letters may go, and what their signature covers."""

import pytest

from workers.errors import ForbiddenSourceError
from workers.queue.letters import require_deliverable, sign
from workers.settings import Settings


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hook.example/",
        "file:///etc/passwd",
        "http://user@hook.example/",
        "http://user:word@hook.example/",
        "http://hook.example/#part",
        "http://hook.example:8080/",
        "http://hook.example.evil.example/",
        "http://evil.example/hook.example",
        "http://evil.example\\@hook.example/",
        "//hook.example/",
        "hook.example",
        "http://",
        "http://\x00/",
        "http://[::1/",
        "",
    ],
    ids=ascii,
)
def test_what_is_no_plain_url_of_a_host_that_is_allowed_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenSourceError):
        require_deliverable(url, Settings(webhook_hosts=("hook.example",)))


@pytest.mark.parametrize("url", ["http://hook.example/a?b=c", "https://HOOK.example/"])
def test_others_are_allowed(url: str) -> None:
    require_deliverable(url, Settings(webhook_hosts=("hook.example",)))


def test_the_signature_covers_time_body_and_secret() -> None:
    made = {sign("a", b"x", at_s=1), sign("b", b"x", at_s=1), sign("a", b"y", at_s=1)}
    assert len({one.partition("v1=")[2] for one in {*made, sign("a", b"x", at_s=2)}}) == 4
