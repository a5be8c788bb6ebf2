"""Sources: nothing is read but what the operator allows, however a URI is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import ForbiddenSourceError
from workers.sources import (
    MAX_URI_CHARS,
    filename_of,
    require_allowed,
    upload_name,
    upload_uri,
)

PREFIXES = ("file:///srv/videos/", "s3://videos/in/", "https://example.org:8443/in/")


class TestAllowed:
    """What lies under a prefix, in whichever way it is written."""

    @pytest.mark.parametrize(
        ("uri", "plain"),
        [
            ("file:///srv/videos/a.mp4", None),
            ("file:///srv/videos/a/b/c.mp4", None),
            ("s3://videos/in/a.mp4", None),
            ("file:///srv/videos/a%20b.mp4", None),
            ("file:///srv/videos/a b.mp4", "file:///srv/videos/a%20b.mp4"),
            ("file:///srv/videos/%61.mp4", "file:///srv/videos/a.mp4"),
            ("file:///srv%2Fvideos/a.mp4", "file:///srv/videos/a.mp4"),
            ("file:///%73rv/videos/a.mp4", "file:///srv/videos/a.mp4"),
            ("FILE:///srv/videos/a.mp4", "file:///srv/videos/a.mp4"),
            ("file:/srv/videos/a.mp4", "file:///srv/videos/a.mp4"),
            ("file:///srv/videos/100%25.mp4", None),
            ("file:///srv/videos/%2525.mp4", None),
            ("file:///srv/videos/%252e%252e/x", None),  # a folder that is called so
            ("file:///srv/videos/..a", None),
            ("file:///srv/videos/a..", None),
            ("file:///srv/videos/caf%C3%A9.mp4", None),
            ("file:///srv/videos/caf\N{LATIN SMALL LETTER E WITH ACUTE}.mp4",
             "file:///srv/videos/caf%C3%A9.mp4"),
            ("s3://videos/in/a%23b.mp4", None),
            ("s3://videos/in/a%3A%3Ab.mp4", None),
            ("s3://videos/in/*", "s3://videos/in/%2A"),
            ("https://example.org:8443/in/a%20b.mp4", None),
            ("HTTPS://EXAMPLE.org:8443/in/A.mp4", "https://example.org:8443/in/A.mp4"),
            ("https://example.org:8443/%69n/a;b", "https://example.org:8443/in/a%3Bb"),
            ("https://example.org:8443/in/%2525", None),
        ],
    )  # fmt: skip
    def test_is_brought_to_its_plainest_form(self, uri: str, plain: str | None) -> None:
        found = require_allowed(uri, PREFIXES)

        assert found == (plain or uri)
        assert require_allowed(found, PREFIXES) == found

    @given(
        name=st.text(
            st.characters(codec="utf-8", exclude_characters="/?\\").filter(str.isprintable),
            min_size=1,
            max_size=40,
        ).filter(lambda name: name.strip("."))
    )
    def test_any_name_of_a_file_has_one(self, name: str) -> None:
        escaped = "".join(f"%{byte:02x}" for byte in name.encode())
        found = require_allowed(f"s3://videos/in/{escaped}", PREFIXES)

        assert found.isascii()
        assert require_allowed(found, PREFIXES) == found
        assert filename_of(found) == name

    @pytest.mark.parametrize(
        ("uri", "name"),
        [
            ("s3://videos/in/a%20b.mp4", "a b.mp4"),
            ("file:///srv/videos/a%2Fb.mp4", "b.mp4"),
            ("file:///srv/videos/", "videos"),
            ("s3://videos", ""),
        ],
    )
    def test_people_call_it_by_its_last_part(self, uri: str, name: str) -> None:
        assert filename_of(uri) == name

    def test_an_upload_lies_in_the_folder_of_its_submission(self) -> None:
        assert upload_uri("5f") == "upload:5f/source" == f"upload:{upload_name('5f')}"


class TestRefused:
    """What only seems to lie under a prefix."""

    @pytest.mark.parametrize(
        "uri",
        [
            # elsewhere
            "", "/", "a.mp4", "/srv/videos/a.mp4", "file:///etc/passwd", "file:///srv/video/a",
            "file:///srv/videos", "file:///srv/videosx/a", "s3://videos/a", "s3://videos/in",
            "s3://video/in/a", "s3://Videos/in/a", "s3://videos/IN/a", "file:///SRV/videos/a",
            # upwards
            "file:///srv/videos/../../etc/passwd", "file:///srv/videos/..", "file:///srv/videos/.",
            "file:///srv/videos/a/../b", "file:///srv/videos/./a", "s3://videos/in/../secret",
            "file:///srv/videos/%2e%2e/x", "file:///srv/videos/%2E%2E/x",
            "file:///srv/videos/.%2e/x", "file:///srv/videos/..%2fx", "file:///srv/videos/%2e/x",
            "file:///srv/videos/..%5cx", "file:///srv/videos/..\\x", "s3://videos/in/%2e%2e/x",
            # empty parts
            "file:///srv/videos/", "file:///srv/videos//a", "file:////srv/videos/a",
            "file:///srv/videos/a/", "s3://videos/in//a", "s3://videos//in/a",
            # hosts and people
            "file://localhost/srv/videos/a", "file://evil.example/srv/videos/a",
            "file://srv/videos/a", "s3://user@videos/in/a", "s3://user:secret@videos/in/a",
            "s3://@videos/in/a", "s3://videos:80/in/a", "s3://videos@evil/in/a",
            # of the web
            "https://example.org/in/a", "https://example.org:443/in/a", "https://example.org:8443/a",
            "http://example.org:8443/in/a", "https://evil.example/in/a", "https:///in/a",
            "https://user@example.org:8443/in/a", "https://u:w@example.org:8443/in/a",
            "https://:w@example.org:8443/in/a", "https://@example.org:8443/in/a",
            "https://example.org:8443@evil.example/in/a", "https://example.org:8443.evil.example/in/a",
            "https://evil.example/https://example.org:8443/in/a", "https://example.org./in/a",
            "https://example.org.:8443/in/a", "https://example.org:08443/in/a",
            "https://example.org:8443:80/in/a", "https://example.org%3a8443/in/a",
            "https://example.org:8443\\.evil.example/in/a", "https://example.org:8443\\in/a",
            "https://example.org:8443/in/a?b", "https://example.org:8443/in/a#b",
            "https://example.org:8443/in/a%3Fb", "https://example.org:8443/in/../a",
            "https://example.org:8443/in/%2e%2e/a", "https://example.org:8443/in/..%2fa",
            "https://example.org:8443/in/", "https://example.org:8443//in/a",
            "https://127.0.0.1:8443/in/a", "https://2130706433/in/a", "https://0x7f000001/in/a",
            "https://[::1]:8443/in/a", "https://[::ffff:127.0.0.1]/in/a", "https://0/in/a",
            "https://example.org:8443/in/a\r\nX: y", "https://example.org:8443/in/%0d%0aX:y",
            "https://e\u0445ample.org:8443/in/a", "https://example\u3002org:8443/in/a",
            "https://\uff45xample.org:8443/in/a", "https://example.or\u0261:8443/in/a",
            # other schemes
            "http://videos/in/a", "https://169.254.169.254/latest/meta-data/", "ftp://videos/in/a",
            "upload:5f/source", "upload://5f/source", "data:,x", "gopher://videos/in/a",
            "s3a://videos/in/a", "file+s3://videos/in/a", "javascript:alert(1)", "memory://x",
            "simplecache::s3://videos/in/a", "filecache::file:///srv/videos/a",
            "zip://x::file:///srv/videos/a",
            # schemes that are cut off
            "s3:videos/in/a", "s3:/videos/in/a", "file:srv/videos/a", "://videos/in/a",
            # queries, fragments, versions
            "file:///srv/videos/a?b", "file:///srv/videos/a#b", "s3://videos/in/a?versionId=1",
            "s3://videos/in/a%3FversionId=1", "file:///srv/videos/?a", "file:///srv/videos/a;b?c",
            # what is no text, or no URI
            "file:///srv/videos/a\x00", "file:///srv/videos/a%00.mp4", "file:///srv/videos/%0a",
            "file:///srv/videos/a\nb", "file:///srv/videos/\t../x", "\x01file:///srv/videos/a",
            "file:///srv/videos/%1b[31m", "file:///srv/videos/\u202ea", "file:///srv/videos/%ff",
            "file:///srv/videos/%ed%a0%80", "file:///srv/videos/\ud800", "s3://[videos/in/a",
            "s3://videos\u2100/in/a", "s3://videos]/in/a", "file:///srv/videos/%e2%80%ae",
            # look-alikes
            "file:///srv/vide\N{CYRILLIC SMALL LETTER O}s/a", "file:///srv/videos\uff0fa",
            "file:///srv/videos\u2215a", "s3://v\u0131deos/in/a", "file:///srv/videos/\u2025/\u00a0",
            # long
            "file:///srv/videos/" + "a" * MAX_URI_CHARS, "file:///srv/videos/" + "%61" * 700,
        ],
        ids=ascii,
    )  # fmt: skip
    def test_hostile_uris(self, uri: str) -> None:
        with pytest.raises(ForbiddenSourceError) as caught:
            require_allowed(uri, PREFIXES)
        assert str(caught.value).isprintable()

    def test_a_host_of_another_alphabet(self) -> None:
        """The sign of kelvins is a small k, to whoever asks for the lower case of it."""
        assert "\u212a".lower() == "k"
        with pytest.raises(ForbiddenSourceError):
            require_allowed("https://\u212a.example/a", ("https://k.example/",))

    @pytest.mark.parametrize(
        "uri", ["file:///srv/videos/a", "s3://videos/in/a", "https://example.org:8443/in/a"]
    )
    def test_where_nothing_is_allowed(self, uri: str) -> None:
        with pytest.raises(ForbiddenSourceError, match="does not allow"):
            require_allowed(uri, ())

    @given(uri=st.text(max_size=60) | st.text("/.%2eEfile:s3vido ", max_size=60))
    def test_any_text_at_all(self, uri: str) -> None:
        with pytest.raises(ForbiddenSourceError):
            require_allowed(uri, ("file:///nowhere/at/all/",))
