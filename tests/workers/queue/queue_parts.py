"""What the tests of the queue are made of: a service with a small model, and videos to submit."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.media.encode import write_video
from pipeline.media.remote import DECODER
from pipeline.scoring.backend import Device
from tests.models import write_colour_model
from tests.workers.test_cli import ENCODING, POLICY, pictures
from workers.catalogue import Catalogue, read_catalogue
from workers.download import OUTSIDE, Outside
from workers.queue.decoders import Decoders
from workers.queue.leases import Leases
from workers.queue.runner import StepRunner
from workers.queue.scorers import Scorers
from workers.queue.work import VideoWork
from workers.service import Service, open_service
from workers.settings import Settings
from workers.sources import hash_file, upload_name, upload_uri
from workers.store.ids import new_id
from workers.store.lookups import find_run
from workers.store.migrate import migrate
from workers.store.records import Act, Run, Source, StepKind
from workers.store.steps import Claimant
from workers.store.submissions import NewSubmission, submit

UPLOADER = "key of default"
WORKER = "worker-1"


class House:
    """A service on a database and artifacts of its own, with videos to submit.

    Attributes:
        clips: the folder of the videos: "plain.mp4", "magenta.mp4", "broken.mp4".
        settings: what all processes of the service read.
        service: opened.
        catalogue: one policy, "magenta", and one model that knows this colour.
    """

    def __init__(self, folder: Path, database_url: str, **settings: object) -> None:
        self.folder = folder
        self.clips = folder / "clips"
        self.clips.mkdir(parents=True)
        write_video(self.clips / "plain.mp4", pictures(6, range(0)), ENCODING)
        write_video(self.clips / "magenta.mp4", pictures(8, range(3, 5)), ENCODING)
        (self.clips / "broken.mp4").write_text("This is no video.\n" * 100)
        model = write_colour_model(folder)
        policy = folder / "magenta.toml"
        policy.write_text(POLICY, encoding="utf-8")
        defaults: dict[str, object] = {
            "home": folder / "home",
            "database_url": database_url,
            "policies": (str(policy),),
            "models": {"colour": str(model)},
            "device": Device.CPU,
            "uris": (f"file://{self.clips}/",),
        }
        self.settings = Settings(**(defaults | settings))  # type: ignore[arg-type]
        self.service: Service = open_service(self.settings)
        self.catalogue: Catalogue = read_catalogue(self.settings)
        self._decoders: list[Decoders] = []
        migrate(self.service.database)

    def close(self) -> None:
        """Close what is open."""
        for decoders in self._decoders:
            decoders.close()
        self.service.database.close()

    def runner(
        self,
        kinds: frozenset[StepKind] = frozenset(StepKind),
        *,
        decoder: Sequence[str] = DECODER,
        outside: Outside = OUTSIDE,
    ) -> StepRunner:
        """Return one who does such steps, with a model and decoders of its own."""
        decoders = Decoders(
            silence_s=self.settings.silence_s,
            max_memory_bytes=self.settings.decoder_bytes,
            command=decoder,
        )
        self._decoders.append(decoders)
        scorers = Scorers(self.settings, self.catalogue)
        work = VideoWork(self.service, scorers, decoders, WORKER, outside)
        claimant = Claimant(WORKER, kinds, self.settings.terms)
        return StepRunner(self.service, work, Leases(self.service), claimant)

    def upload(self, name: str, *, key: str | None = None, tag: str = "") -> Run:
        """Submit a video as the API does, and return its run."""
        path = self.clips / name
        now_ms = self.service.now_ms()
        submission_id = new_id(now_ms)
        sha256, size_bytes = hash_file(path)
        self.service.artifacts.put_file(upload_name(submission_id), path)
        new = NewSubmission(
            submission_id,
            Source(upload_uri(submission_id), name, sha256, size_bytes),
            tag,
            key or submission_id,
            self.catalogue.find(None),
        )
        with self.service.database.write() as connection:
            return submit(connection, Act("default", UPLOADER, now_ms), new).run

    def run(self, run_id: str) -> Run:
        """Return a run as it stands."""
        with self.service.database.read() as connection:
            return find_run(connection, run_id)
