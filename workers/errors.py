"""What can go wrong in a service, added to the library's tree.

::

    HeatreelError
    ├── PermanentError
    │   ├── NotFoundError           no such submission, key, artifact ...
    │   ├── ConflictError           it contradicts what is there already
    │   ├── ForbiddenSourceError    a URI that the operator did not allow
    │   ├── SettingsError           the settings are wrong
    │   └── LeaseLostError          another worker has the step by now: drop the work
    └── UnavailableError
        ├── StoreUnavailableError   what is kept, or where it comes from, is away
        │   ├── DatabaseUnavailableError
        │   ├── ArtifactsUnavailableError
        │   └── HostUnavailableError    somebody else's server; each attempt counts
        └── BrokerUnavailableError  the broker is away
"""

from pipeline.errors import PermanentError, UnavailableError


class NotFoundError(PermanentError):
    """There is no such thing, or it belongs to somebody else."""


class ConflictError(PermanentError):
    """What was asked for contradicts what is there already."""


class ForbiddenSourceError(PermanentError):
    """A URI is not among those that the operator allowed."""


class SettingsError(PermanentError):
    """The settings are wrong; the message lists every fault."""


class LeaseLostError(PermanentError):
    """The step is another worker's by now, or nobody's: what was made of it must not count."""


class StoreUnavailableError(UnavailableError):
    """The database, the artifact store, or the store that a source is in does not answer."""


class DatabaseUnavailableError(StoreUnavailableError):
    """The database does not answer."""


class ArtifactsUnavailableError(StoreUnavailableError):
    """The artifact store does not answer."""


class HostUnavailableError(StoreUnavailableError):
    """A server of somebody else, which holds a source, does not give it: it may never do."""


class BrokerUnavailableError(UnavailableError):
    """The broker does not answer."""
