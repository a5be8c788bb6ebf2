"""Lists of submissions: newest first, every one once, however many come in meanwhile."""

from collections.abc import Iterator

import pytest

from tests.workers.store.store_parts import (
    NOW_MS,
    ONLY_PLANS,
    UPLOADER,
    basis,
    file_error,
    hand_in,
    judge_run,
    must_take,
    new_submission,
    plan_run,
    step_of,
)
from workers.store.database import Database
from workers.store.lookups import Filter, Page, find_runs, list_submissions
from workers.store.records import Act, Run, RunState, StepKind
from workers.store.steps import Planned, finish_plan
from workers.store.submissions import cancel, delete_submission, rerun, submit


def pages(
    database: Database, limit: int, wanted: Filter | None = None, tenant: str = "acme"
) -> Iterator[list[str]]:
    """Yield the ids of one page after the other, the empty one at the end left out."""
    before = None
    while True:
        with database.read() as connection:
            page = Page(before, limit)
            found = list_submissions(
                connection, tenant=tenant, wanted=wanted or Filter(), page=page
            )
        if not found:
            return
        assert before is None or found[0].id < before
        yield [submission.id for submission in found]
        before = found[-1].id


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_are_complete_and_newest_first(database: Database, limit: int) -> None:
    ids = [hand_in(database, f"key-{number}").submission.id for number in range(7)]

    found = list(pages(database, limit))
    assert [one for page in found for one in page] == sorted(ids, reverse=True)
    assert all(len(page) == limit for page in found[:-1])


def test_pages_do_not_repeat_while_others_are_handed_in(database: Database) -> None:
    old = {hand_in(database, f"key-{number}").submission.id for number in range(7)}
    found = []
    for number, page in enumerate(pages(database, 2)):
        found += page
        with database.write() as connection:
            later = Act("acme", "key", NOW_MS + 1 + number)
            changes = {"id": f"{later.at_ms:012x}{'0' * 20}"}
            submit(connection, later, new_submission(f"late-{number}", **changes))

    assert len(found) == len(set(found))
    assert set(found) == old


def test_a_tenant_sees_its_own(database: Database) -> None:
    mine = hand_in(database).submission.id
    with database.write() as connection:
        theirs = submit(connection, Act("other", "key", NOW_MS), new_submission()).submission.id

    assert list(pages(database, 5)) == [[mine]]
    assert list(pages(database, 5, tenant="other")) == [[theirs]]
    for wanted in (Filter(state=RunState.QUEUED), Filter(tag=""), Filter(RunState.QUEUED, tag="")):
        assert list(pages(database, 5, wanted, tenant="other")) == [[theirs]]


def test_what_was_deleted_is_not_listed(database: Database) -> None:
    kept, gone = hand_in(database), hand_in(database, "key-2")
    with database.write() as connection:
        delete_submission(connection, UPLOADER, gone.submission)

    assert list(pages(database, 5)) == [[kept.submission.id]]


@pytest.fixture
def library(database: Database) -> dict[str, str]:
    """Return ids of submissions in each state, each with the tag `even` or `odd`."""
    names = ("queued", "running", "passed", "unreadable", "cancelled", "judged again")
    made = {
        name: hand_in(database, name, tag="odd" if number % 2 else "even")
        for number, name in enumerate(names)
    }
    plan_run(database, made["running"].run)
    judge_run(database, made["passed"].run)
    judge_run(database, made["judged again"].run)
    with database.write() as connection:
        cancel(connection, UPLOADER, made["cancelled"].submission)
        later = Act("acme", "key", NOW_MS + 1)
        again = made["judged again"].submission
        rerun(connection, later, again, basis("nudity"), can_reuse=lambda _: True)
    judge_unreadable(database, made["unreadable"].run)
    return {name: one.submission.id for name, one in made.items()}


def judge_unreadable(database: Database, run: Run) -> None:
    step = must_take(database, step_of(database, run, StepKind.PLAN))
    with database.write() as connection:
        nothing = Planned(None, None, None, (), fault="{}")
        finish_plan(connection, step, nothing, ONLY_PLANS, now_ms=NOW_MS)
    file_error(database, must_take(database, step_of(database, run, StepKind.JUDGE)))


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Filter(RunState.QUEUED), ["queued", "judged again"]),
        (Filter(RunState.RUNNING), ["running"]),
        (Filter(RunState.DONE), ["passed", "unreadable", "judged again"]),
        (Filter(RunState.CANCELLED), ["cancelled"]),
        (Filter(RunState.DEAD), []),
        (Filter(outcome="pass"), ["passed", "judged again"]),
        (Filter(outcome="error"), ["unreadable"]),
        (Filter(outcome="block"), []),
        (Filter(tag="even"), ["queued", "passed", "cancelled"]),
        (Filter(tag="odd"), ["running", "unreadable", "judged again"]),
        (Filter(tag="eve"), []),
        (Filter(RunState.DONE, "pass"), ["passed", "judged again"]),
        (Filter(RunState.DONE, "error"), ["unreadable"]),
        (Filter(RunState.QUEUED, "pass"), []),  # of one and the same run
        (Filter(RunState.DONE, tag="odd"), ["unreadable", "judged again"]),
        (Filter(outcome="pass", tag="odd"), ["judged again"]),
        (Filter(RunState.DONE, "pass", "even"), ["passed"]),
        (Filter(RunState.QUEUED, "pass", "odd"), []),
    ],
    ids=str,
)
def test_filters_and_their_combinations(
    database: Database, library: dict[str, str], wanted: Filter, names: list[str]
) -> None:
    expected = sorted((library[name] for name in names), reverse=True)

    for limit in (1, 2, 50):
        assert [one for page in pages(database, limit, wanted) for one in page] == expected


def test_who_has_two_such_runs_takes_one_place_on_a_page(database: Database) -> None:
    older = hand_in(database).submission
    with database.write() as connection:
        later = Act("acme", "key", NOW_MS + 1)
        changes = {"id": f"{later.at_ms:012x}{'0' * 20}"}
        newer = submit(connection, later, new_submission("key-2", **changes)).submission
        rerun(connection, later, newer, basis("nudity"), can_reuse=lambda _: True)

    assert list(pages(database, 2, Filter(RunState.QUEUED))) == [[newer.id, older.id]]


def test_all_runs_of_a_page_are_found_at_once(database: Database, library: dict[str, str]) -> None:
    ids = [library["judged again"], library["passed"], "f" * 32]
    with database.read() as connection:
        found = find_runs(connection, ids)

    assert [len(found[one]) for one in ids] == [2, 1, 0]
    newest, oldest = found[library["judged again"]]
    assert (newest.policy_id, oldest.policy_id) == ("nudity", "cats")


def test_no_submissions_have_no_runs(database: Database) -> None:
    with database.read() as connection:
        assert find_runs(connection, []) == {}
