"""Severity: how grave a confidence is under a rule, a pure function of the two."""

from pipeline.records import Rule


def severity_of(confidence: float, rule: Rule) -> int:
    """Return 0 below `review`, the rule's severity where it is certain, one less in between.

    It is certain from `certain_at` on; in between it is at least 1. NaN is 0.

    >>> rule = Rule("nudity", ("nsfw",), 0.5, None, 0, is_strict=False, severity=3)
    >>> [severity_of(confidence, rule) for confidence in (0.4, 0.5, 0.75)]
    [0, 2, 3]
    """
    if not confidence >= rule.review:
        return 0
    return rule.severity if confidence >= certain_at(rule) else doubtful_severity(rule)


def doubtful_severity(rule: Rule) -> int:
    """Return the severity of what stands over `review` but is not certain, or not confirmed."""
    return max(1, rule.severity - 1)


def certain_at(rule: Rule) -> float:
    """Return the confidence from which on a rule is certain.

    It is `block`; without one it lies midway between `review` and 1.
    """
    return (rule.review + 1) / 2 if rule.block is None else rule.block
