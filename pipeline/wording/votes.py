"""A vote in words: the answer or what stands against one, and a line a picture."""

from pipeline.classified import Classified, Seen
from pipeline.votes import Doubt, DoubtKind, PictureVote, Standing, Vote
from pipeline.wording.times import format_time

NONE_OF_THEM = "none of them"


def say_doubts(vote: Vote) -> str:
    """Return why a vote is left to a person, in one line; empty with an answer."""
    return "; ".join(say_doubt(doubt) for doubt in vote.doubts)


def say_doubt(doubt: Doubt) -> str:
    """Return one doubt in a few words.

    >>> say_doubt(Doubt(DoubtKind.FEW_PICTURES, 1, 2))
    '1 different good picture votes, 2 are wanted'
    """
    found, wanted = doubt.found or 0.0, doubt.threshold or 0.0
    said = {
        DoubtKind.FEW_PICTURES: _say_few(round(found), round(wanted)),
        DoubtKind.STRANGERS: f"{_percent(found)} of the good pictures are strangers to the model",
        DoubtKind.NOTHING_SAID: f"most likely {NONE_OF_THEM} ({found:.2f})",
        DoubtKind.TIE: "a tie",
        DoubtKind.THIN_MARGIN: f"a thin margin of {_tell_apart(found, wanted)} is wanted",
        DoubtKind.LOW_CONFIDENCE: f"only {_tell_apart(found, wanted)} is wanted",
        DoubtKind.DISAGREEMENT: f"{_percent(found)} of the votes say something else",
    }
    return said[doubt.kind]


def say_standings(vote: Vote) -> str:
    """Return the two best candidates and how likely it is none of them; empty if nobody voted."""
    if not vote.best:
        return ""
    rivals = [say_standing(standing) for standing in vote.best]
    return ", ".join([*rivals, f"{NONE_OF_THEM} {vote.other:.2f}"])


def say_standing(standing: Standing) -> str:
    """Return a candidate with its confidence."""
    return f"{standing.name} {standing.confidence:.2f}"


def say_turnout(classified: Classified) -> str:
    """Return how many pictures voted of how many, and how many files could not be read.

    "3 of 5 pictures vote; 1 of 6 files could not be read"
    """
    count = len(classified.pictures)
    votes = classified.vote.pictures if classified.vote else ()
    voted = sum(picture.weight > 0 for picture in votes)
    noun = "picture votes" if count == 1 else "pictures vote"
    parts = [f"{voted} of {count} {noun}"] if count else []
    if classified.unread:
        noun = "file" if classified.files == 1 else "files"
        parts.append(f"{len(classified.unread)} of {classified.files} {noun} could not be read")
    return "; ".join(parts)


def say_picture(seen: Seen, vote: PictureVote) -> str:
    """Return what one picture said and counted, in a line.

    "cat 0.92, weighs 50 %", "black, no vote", "a stranger (cat 0.61), no vote"
    """
    counted = f"weighs {say_weight(vote)}" if vote.weight else say_weight(vote)
    return f"{say_said(seen, vote)}, {counted}"


def say_said(seen: Seen, vote: PictureVote) -> str:
    """Return what one picture said, or what is wrong with it."""
    if not seen.gate.is_good or vote.best is None:
        return seen.gate.name.lower().replace("_", " ")
    said = say_standing(vote.best)
    return f"a stranger ({said})" if seen.is_stranger else said


def say_weight(vote: PictureVote) -> str:
    """Return what one picture counted: "50 %", "25 % (one vote of 2 copies)" or "no vote"."""
    if not vote.weight:
        return "no vote"
    shared = f" (one vote of {vote.sharers} copies)" if vote.sharers > 1 else ""
    return f"{_percent(vote.weight)}{shared}"


def say_where(seen: Seen) -> str:
    """Return the file of a picture, and for a video's frame the time."""
    moment = "" if seen.timestamp_ms is None else f" at {format_time(seen.timestamp_ms)}"
    return f"{seen.path}{moment}"


def _tell_apart(found: float, wanted: float) -> str:
    """Return two numbers with as many digits, from two on, as show that they differ."""
    digits = next((n for n in (2, 3, 4) if f"{found:.{n}f}" != f"{wanted:.{n}f}"), 6)
    return f"{found:.{digits}f} where {wanted:.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _say_few(found: int, wanted: int) -> str:
    votes = "picture votes" if found == 1 else "pictures vote"
    verb = "is" if wanted == 1 else "are"
    return f"{found or 'no'} different good {votes}, {wanted} {verb} wanted"
