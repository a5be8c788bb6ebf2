"""What can go wrong in the world, split by what to do about it.

::

    HeatreelError
    ├── PermanentError          trying again will not help
    │   ├── UnreadableVideoError    the file is no video that Heatreel reads
    │   ├── LimitExceededError      the video is larger than the policy allows
    │   ├── PolicyError             a policy file is wrong
    │   ├── ModelError              a manifest or a model file is wrong, or they disagree
    │   ├── ExamplesError           pictures are too few, or no fit ones, to learn from
    │   ├── FactsError              a file of facts is wrong, or an answer contradicts it
    │   ├── DecisionsError          a file of decisions is wrong
    │   └── ReportError             a report on disk is not one that Heatreel wrote
    └── UnavailableError        something that should be there is away; it may come back
        ├── BackendUnavailableError     the execution provider that was asked for is not here
        └── DecoderDiedError            the child that decodes died, hung, or sent rubbish

A caller's mistake is a ``ValueError``; the model's doubt is no error but a verdict of ``review``.
"""


class HeatreelError(Exception):
    """The root: whatever Heatreel raises about the world."""


class PermanentError(HeatreelError):
    """Trying again will not help."""


class UnavailableError(HeatreelError):
    """Something that should be there is away; trying again may help."""


class UnreadableVideoError(PermanentError):
    """The file is no video that Heatreel reads."""


class LimitExceededError(PermanentError):
    """The video asks for more pixels, frames, time or CPU than the policy allows."""


class PolicyError(PermanentError):
    """A policy file is wrong; the message lists every fault with its line."""


class ModelError(PermanentError):
    """A manifest or a model file is wrong, or the two disagree."""


class ReportError(PermanentError):
    """A report on disk is not one that Heatreel wrote."""


class ExamplesError(PermanentError):
    """The pictures given are too few, or no fit ones, to learn from; others may do."""


class FactsError(PermanentError):
    """A file of facts is wrong, or an answer contradicts what was said before."""


class DecisionsError(PermanentError):
    """A file of what people decided is wrong; the message names the row."""


class BackendUnavailableError(UnavailableError):
    """The execution provider that was asked for does not run here."""


class DecoderDiedError(UnavailableError):
    """The child process that decodes died, gave no sign of life, or sent what is no message."""
