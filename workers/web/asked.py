"""What is asked for in the bodies of requests; whatever is not known is refused."""

from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from workers.store.records import Role
from workers.submitting import MAX_TEXT_CHARS, require_text

MAX_NAME_CHARS = 100
MAX_URL_CHARS = 2048

Tag = Annotated[
    str,
    AfterValidator(partial(require_text, "tag")),
    Field(max_length=MAX_TEXT_CHARS, description="What you call it; stands in reports."),
]
PolicyName = Annotated[
    str | None, Field(max_length=200, description="Id of a policy; none = the default one.")
]


class _Asked(BaseModel):
    """The body of a request: what is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SubmitUri(_Asked):
    """A video to be judged, by where it lies."""

    uri: Annotated[
        str,
        Field(
            max_length=MAX_URL_CHARS,
            description="Where it lies, under a prefix that the operator allows.",
            examples=["s3://uploads/2025/clip.mp4"],
        ),
    ]
    tag: Tag = ""
    policy: PolicyName = None


class Rerun(_Asked):
    """Which policy to judge a submission by, beside those that it was judged by."""

    policy: PolicyName = None


class NewKey(_Asked):
    """A key to be made for your own tenant."""

    name: Annotated[
        str,
        AfterValidator(partial(require_text, "name")),
        Field(min_length=1, max_length=MAX_NAME_CHARS, examples=["upload service"]),
    ]
    role: Role


class NewWebhook(_Asked):
    """Somebody who is to be told of your tenant's events."""

    url: Annotated[
        str,
        AfterValidator(partial(require_text, "url")),
        Field(max_length=MAX_URL_CHARS, examples=["https://example.org/heatreel"]),
    ]
