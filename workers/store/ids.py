"""Ids that Heatreel makes: unguessable, and in the order of the time at which they were made."""

import secrets


def new_id(now_ms: int) -> str:
    """Return 32 hexadecimal digits: 12 of the time in ms, 20 of chance."""
    return f"{now_ms:012x}{secrets.token_hex(10)}"
