"""Settings: environment before file before default, every fault named, no secret told."""

import json
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.scoring.backend import Device
from workers.errors import SettingsError
from workers.settings import Settings, read_settings, show_settings

SECRET = "hush-hush"  # noqa: S105 - it opens nothing
Give = Callable[..., None]


@pytest.fixture(autouse=True)
def give(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Give:
    """Return a function that sets variables of the environment, which has no others of ours."""
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))

    def set_them(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(f"HEATREEL_{name.upper()}", value)

    return set_them


@pytest.fixture
def write(give: Give, tmp_path: Path) -> Callable[[str], None]:
    """Return a function that writes the settings' file and names it in the environment."""

    def write_it(text: str) -> None:
        path = tmp_path / "settings.toml"
        path.write_text(text, encoding="utf-8")
        give(settings=str(path))

    return write_it


def faults() -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_settings()
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    return str(caught.value).splitlines()


class TestSources:
    """Where a setting comes from."""

    def test_by_default_all_is_in_one_folder(self, tmp_path: Path) -> None:
        settings = read_settings()

        home = tmp_path / "xdg_data_home" / "heatreel"
        assert settings.home == home
        assert settings.database == f"sqlite:///{home}/heatreel.db"
        assert settings.broker == f"redis+socket://{home}/valkey.sock"
        assert settings.artifacts == f"file://{home}/artifacts"
        assert settings.artifact_options == {}
        assert (settings.uris, settings.webhook_hosts) == ((), ())

    def test_the_file_goes_before_the_default(self, write: Callable[[str], None]) -> None:
        write('port = 9000\nuris = ["s3://videos/"]\n[models]\nmine = "m.toml"\n')
        settings = read_settings()

        assert (settings.port, settings.uris, settings.models) == (
            9000, ("s3://videos/",), {"mine": "m.toml"},
        )  # fmt: skip
        assert settings.host == "127.0.0.1"

    def test_the_environment_goes_before_the_file(
        self, write: Callable[[str], None], give: Give
    ) -> None:
        write('port = 9000\ndevice = "cuda"\npolicies = ["cats"]\n')
        give(port="9001", policies='["nudity"]')
        settings = read_settings()

        assert (settings.port, settings.device, settings.policies) == (
            9001, Device.CUDA, ("nudity",),
        )  # fmt: skip

    def test_proxies_are_addresses_or_networks(self, give: Give) -> None:
        assert read_settings().trusted_proxies == ()
        give(trusted_proxies='["10.0.0.1", "10.1.0.0/16", "fd00::/8"]')
        assert read_settings().trusted_proxies == ("10.0.0.1", "10.1.0.0/16", "fd00::/8")

    def test_what_is_in_a_dotenv_file_is_not_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".env").write_text("HEATREEL_PORT=1\n")
        monkeypatch.chdir(tmp_path)

        assert read_settings().port == 8080

    def test_times_become_milliseconds(self, give: Give) -> None:
        give(lease_s="0.5", lease_cap_s="2", backoff_s="0.001", max_backoff_s="1", max_attempts="3")
        terms = read_settings().terms

        assert (terms.lease_ms, terms.cap_ms, terms.backoff_ms, terms.max_backoff_ms) == (
            500, 2000, 1, 1000,
        )  # fmt: skip
        assert terms.max_attempts == 3

    def test_an_object_store_is_told_its_keys(self, give: Give) -> None:
        give(
            artifacts_url="s3://bucket/x",
            s3_endpoint="http://minio:9000",
            s3_key="k",
            s3_secret="s",  # noqa: S106 - it opens nothing
        )
        assert read_settings().artifact_options == {
            "client_kwargs": {"endpoint_url": "http://minio:9000"}, "key": "k", "secret": "s",
        }  # fmt: skip

    def test_its_address_holds_no_password(self, give: Give) -> None:
        give(s3_endpoint="http://user:planted-word@minio:9000")
        with pytest.raises(SettingsError) as refused:
            read_settings()
        assert "s3_endpoint" in str(refused.value)
        assert "planted-word" not in str(refused.value)

    def test_a_folder_is_not_told_them(self, give: Give) -> None:
        give(artifacts_url="file:///srv/x", s3_endpoint="http://minio:9000")
        assert read_settings().artifact_options == {}

    def test_they_cannot_be_changed(self) -> None:
        with pytest.raises(ValueError, match="frozen"):
            read_settings().port = 1  # type: ignore[misc]


class TestFaults:
    """A line a fault, all at once, and none of them with the value."""

    def test_a_key_that_is_unknown_in_the_file(self, write: Callable[[str], None]) -> None:
        write(f'databse_url = "{SECRET}"\n')

        assert faults() == ["databse_url: Extra inputs are not permitted"]

    def test_a_variable_that_is_unknown(self, give: Give) -> None:
        give(databse_url=SECRET, cache="/var/cache")

        assert faults() == ["HEATREEL_DATABSE_URL: there is no such setting"]

    def test_variables_of_others_are_nobodys_business(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HEATREELS_PORT", "x")
        monkeypatch.setenv("MY_HEATREEL_PORT", "x")

        assert read_settings().port == 8080

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("port", "65536"), ("port", "-1"), ("port", "http"), ("port", ""),
            ("slots", "0"), ("slots", "1.5"), ("max_attempts", "0"), ("threads", "-1"),
            ("lease_s", "0"), ("lease_s", "-1"), ("lease_s", "nan"), ("lease_s", "inf"),
            ("lease_s", "0.0001"), ("tick_s", "1e300"), ("chunk_s", "soon"),
            ("device", "gpu"), ("precision", "fp8"), ("log_level", "debug"),
            ("log_level", "INFO\nDEBUG"), ("retention_days", "0"), ("policies", "[]"),
            ("policies", '{"a": 1}'), ("policies", "[1]"), ("models", '["m.toml"]'),
            ("webhook_hosts", '"host"'), ("uris", '["http://host/"]'),
            ("trusted_proxies", '["*"]'), ("trusted_proxies", '["10.0.0.1/8"]'),
            ("trusted_proxies", '["proxy.example.org"]'), ("trusted_proxies", '[""]'),
            ("relay_metrics_port", "65536"), ("max_upload_bytes", "0"),
        ],
    )  # fmt: skip
    def test_a_value_of_the_wrong_kind(self, give: Give, name: str, value: str) -> None:
        give(**{name: value})

        assert {fault[: len(name)] for fault in faults()} == {name}

    @pytest.mark.parametrize("value", ["nudity", "[", "nudity,cats", SECRET])
    def test_a_list_that_is_none(self, give: Give, value: str) -> None:
        give(policies=value, databse_url=SECRET)

        unknown, fault = faults()
        assert "HEATREEL_DATABSE_URL" in unknown
        assert "policies" in fault

    def test_all_faults_at_once(self, write: Callable[[str], None], give: Give) -> None:
        write(f'slots = 0\ns3_key = ["{SECRET}"]\nunheard_of = "{SECRET}"\n[database_url]\nx = 1\n')
        give(port=SECRET, tick_s="0", portt=SECRET)

        found = [fault.partition(":")[0] for fault in faults()]
        assert found[0] == "HEATREEL_PORTT"
        assert sorted(found[1:]) == [
            "database_url", "port", "s3_key", "slots", "tick_s", "unheard_of",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "content",
        [b"port = ", b"port = 1\nport = 2", b"\xff\xfe", b'key = "' + SECRET.encode() + b"\n"],
    )
    def test_a_file_that_is_no_toml(self, give: Give, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "settings.toml"
        path.write_bytes(content)
        give(settings=str(path))

        (fault,) = faults()
        assert fault.startswith(str(path))

    @pytest.mark.parametrize("name", ["missing.toml", "."])
    def test_a_file_that_is_not_there(self, give: Give, tmp_path: Path, name: str) -> None:
        give(settings=str(tmp_path / name))

        (fault,) = faults()
        assert fault.startswith("HEATREEL_SETTINGS: there is no file")


class TestSecrets:
    """No secret is shown, wherever settings are shown."""

    @pytest.fixture
    def settings(self, give: Give) -> Settings:
        give(
            database_url=f"postgresql+psycopg://u:{SECRET}@host/db",
            broker_url=f"redis://:{SECRET}@host/0",
            artifacts_url="s3://bucket/x",
            s3_key=SECRET,
            s3_secret=SECRET,
        )
        settings = read_settings()
        assert SECRET in settings.database
        assert SECRET in settings.broker
        assert SECRET in settings.artifact_options["secret"]
        return settings

    def test_not_by_their_text(self, settings: Settings) -> None:
        for shown in (repr(settings), str(settings), f"{settings}", repr([settings])):
            assert SECRET not in shown

    def test_not_by_what_shows_them(self, settings: Settings) -> None:
        shown = show_settings(settings)

        assert SECRET not in json.dumps(shown)
        names = ("database_url", "broker_url", "s3_key", "s3_secret")
        assert [shown[name] for name in names] == ["**********"] * 4
        assert shown["port"] == 8080

    def test_not_in_a_log(self, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
        logging.getLogger("workers").warning("settings: %s %r", settings, settings)
        assert SECRET not in caplog.text

    def test_what_is_not_set_is_shown_as_that(self) -> None:
        assert show_settings(read_settings())["s3_key"] is None


class TestPrefixes:
    """A prefix allows what it shows and no more."""

    @pytest.mark.parametrize(
        "prefix",
        [
            "file:///srv/videos/", "file:///a/b c/", "s3://bucket/", "s3://bucket/a/b/",
            "https://videos.example.org/", "https://example.org:8443/a/b/",
            "https://1.2.3.example/", "https://xn--bcher-kva.example/", "https://a-b.c0m/",
        ],
    )  # fmt: skip
    def test_taken(self, give: Give, prefix: str) -> None:
        give(uris=json.dumps([prefix]))
        assert read_settings().uris == (prefix,)

    @pytest.mark.parametrize(
        "prefix",
        [
            "", "/", "/srv/videos/", "file:///", "file:////", "file://", "file:/srv/", "file:///srv",
            "file://host/srv/", "file:///srv//", "file:///srv/../", "file:///./", "file:///srv/.../",
            "file:///srv/%2e%2e/", "file:///srv/*/", "file:///srv/?/", "file:///srv/#/",
            "file:///srv\\x/", "file:///srv/\n/", "FILE:///srv/", "s3://", "s3:///", "s3://bucket",
            "s3://bucket/a", "s3:///a/", "s3://bucket//", "s3://user@bucket/", "s3://*/",
            "http://host/", "https://host/", "upload:x/", "ftp://host/", "://x/",
            "http://example.org/", "https://", "https:///a/", "https://example.org",
            "https://example.org/a", "https://Example.org/", "HTTPS://example.org/",
            "https://example.org./", "https://.example.org/", "https://a..org/",
            "https://-a.example.org/", "https://a_b.example.org/", "https://b\u00fccher.example/",
            "https://user@example.org/", "https://user:word@example.org/", "https://localhost/",
            "https://example.org:/", "https://example.org:0/", "https://example.org:123456/",
            "https://example.org:65536/", "https://" + "a" * 64 + ".org/",
            "https://example.org//", "https://example.org/../", "https://example.org/%2e%2e/",
            "https://example.org/?a=/", "https://example.org/#/", "https://*.example.org/",
            "https://127.0.0.1/", "https://2130706433/", "https://017700000001/",
            "https://0x7f000001/", "https://0x7f.0.0.1/", "https://127.1/", "https://127.0.0.0x1/",
            "https://0/", "https://0.0.0.0/", "https://[::1]/", "https://[::ffff:7f00:1]/",
            "https://169.254.169.254/", "https://10.0.0.1:8080/", "https://example.1/",
        ],
    )  # fmt: skip
    def test_refused(self, give: Give, prefix: str) -> None:
        give(uris=json.dumps(["s3://bucket/", prefix]))

        (fault,) = faults()
        assert fault.startswith("uris.1: Value error, should be file:///folder/, s3://bucket/ or ")
