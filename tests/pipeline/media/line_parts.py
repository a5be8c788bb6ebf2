"""A line on which something has been said already, and whatever JSON can say."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@dataclass
class Tape:
    """Gives out its content a few bytes at a time, as a line may."""

    content: bytes
    step_bytes: int = 7
    at: int = field(default=0, init=False)

    def recv_into(self, buffer: memoryview, /) -> int:
        part = self.content[self.at : self.at + min(self.step_bytes, len(buffer))]
        buffer[: len(part)] = part
        self.at += len(part)
        return len(part)
