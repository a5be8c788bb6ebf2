"""Times in words, and where the ticks of a time axis stand."""

MS_PER_S = 1_000
MS_PER_MIN = 60 * MS_PER_S
MS_PER_H = 60 * MS_PER_MIN
MAX_TICKS = 10
TICK_STEPS_MS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(s * MS_PER_S for s in (1, 2, 5, 10, 15, 30)),
    *(m * MS_PER_MIN for m in (1, 2, 5, 10, 15, 30)),
    *(h * MS_PER_H for h in (1, 2, 5, 10)),
)


def format_time(time_ms: int) -> str:
    """Return a time as m:ss, from an hour on as h:mm:ss; parts of a second are dropped.

    >>> format_time(101_900), format_time(3_600_000)
    ('1:41', '1:00:00')
    """
    minutes, seconds = divmod(time_ms // MS_PER_S, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def format_span(start_ms: int, end_ms: int) -> str:
    """Return a half-open span of time as people write it, one time if both ends read the same.

    >>> format_span(100_000, 104_000), format_span(100_000, 100_500)
    ('1:40–1:44', '1:40')
    """  # noqa: RUF002 - a span takes an en dash
    start, end = format_time(start_ms), format_time(end_ms)
    return start if start == end else f"{start}–{end}"  # noqa: RUF001 - a span takes an en dash


def format_length(length_ms: int) -> str:
    """Return a length of time in words, as exact as one needs at that length.

    >>> [format_length(ms) for ms in (40, 500, 4_000, 22_400, 125_000, 3_780_000)]
    ['40 ms', '0.5 s', '4 s', '22 s', '2 min 5 s', '1 h 3 min']
    """
    if length_ms < MS_PER_S // 10:
        return f"{length_ms} ms"
    if length_ms < 10 * MS_PER_S:
        return f"{length_ms / MS_PER_S:.1f}".removesuffix(".0") + " s"
    minutes, seconds = divmod(length_ms // MS_PER_S, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    return f"{seconds} s"


def tick_step(duration_ms: int) -> int:
    """Return the round step in milliseconds that gives [0, duration_ms) at most 10 ticks.

    >>> tick_step(60_000), tick_step(754_000)
    (10000, 120000)
    """
    for step_ms in TICK_STEPS_MS:
        if duration_ms <= MAX_TICKS * step_ms:
            return step_ms
    hours = -(-duration_ms // (MAX_TICKS * MS_PER_H))  # ceiling division, exact for integers
    return hours * MS_PER_H


def tick_label(time_ms: int, step_ms: int) -> str:
    """Return a tick's time, with parts of a second where the step needs them.

    >>> tick_label(1_500, 500), tick_label(1_000, 1_000)
    ('0:01.5', '0:01')
    """
    whole = format_time(time_ms)
    if step_ms >= MS_PER_S:
        return whole
    digits = f"{time_ms % MS_PER_S:03}"
    return f"{whole}.{digits[: 1 if step_ms >= MS_PER_S // 10 else 3]}"
