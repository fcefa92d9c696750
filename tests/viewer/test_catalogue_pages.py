"""The viewer's catalogue and leaderboards: what the API shows, to whom the API shows it, as pages."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlgym_mcp.store import Store
from mlgym_mcp.viewer.brief import brief_html
from mlgym_mcp.viewer.naming import public_id
from tests.fakes import World, write_task
from tests.records import row, score
from tests.viewer.showing import pages_of
from tests.web.stage import token_of

HOSTILE = """# Toy
<script>alert(1)</script> and <b>bold</b>

![a picture](https://elsewhere.example/pixel.png) [a link](javascript:alert(1)) [another](https://example.org/a)

| left | right |
|:-----|------:|
| 1 | `2` |
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def attempt(store: Store, name: str, value: float, *, principal: str = "local", **changes: Any) -> str:
    """A session that submitted; its public id."""
    flavour = changes.setdefault("flavour", "sample")
    made = row(store, f"handle-of-{name}-{'x' * 20}", submission=name, flavour=flavour, principal=principal)
    made = replace(made, state="submitted", exit_status="submitted")
    store.sessions.add(made)
    submission = store.submissions.add(made.id, "submit", name, size=1, at=2.0)
    found = score(scores={"accuracy": value}, artefact=name, reward=value - 0.5, **changes)
    store.scores.add(submission.id, found, at=3.0)
    return public_id(made)


async def test_the_catalogue_lists_tasks_and_finds_them_by_words_and_domain(world: World) -> None:
    write_task(world.folder / "tasks", id="other-v1", title="Another one", domain="games")
    async with pages_of(world) as browser:
        everything = (await browser.get("/tasks")).text
        found = (await browser.get("/tasks", params={"q": "another ANSWER"})).text
        of_domain = (await browser.get("/tasks", params={"domain": "toys"})).text
        nothing = (await browser.get("/tasks", params={"q": "<nothing>"})).text
    assert "/tasks/toy-v1" in everything and "/tasks/other-v1" in everything
    assert "/tasks/toy-v1" not in found and "/tasks/other-v1" in found
    assert "/tasks/toy-v1" in of_domain and "/tasks/other-v1" not in of_domain
    assert "No task is like that" in nothing and "&lt;nothing&gt;" in nothing


async def test_a_tasks_page_has_its_brief_and_files_and_nothing_of_its_grader_or_baseline(world: World) -> None:
    folder = write_task(world.folder / "tasks")
    (folder / "brief.md").write_text(HOSTILE)
    (folder / "grader.py").write_text("# hidden-words-of-the-grader")
    (folder / "baseline").mkdir()
    (folder / "baseline" / "hidden-solution.txt").write_text("hidden-words-of-the-baseline")
    async with pages_of(world) as browser:
        answer = await browser.get("/tasks/toy-v1")
    assert answer.status_code == 200
    assert "starter/answer.txt" in answer.text and "&lt;script&gt;" in answer.text
    assert "hidden" not in answer.text
    assert answer.text.count("<script") == 1  # the viewer's own


def test_a_brief_can_say_everything_and_do_nothing() -> None:
    html = brief_html(HOSTILE, title="Toy")
    assert "<script" not in html and "<b>" not in html and "<img" not in html and "<h1" not in html
    assert "javascript:" not in html.replace("(javascript:alert(1))", "")  # stays as it was written
    assert '<a href="https://example.org/a" rel="noreferrer nofollow">another</a>' in html
    assert '<td class="right"><code>2</code></td>' in html and "style=" not in html


async def test_a_leaderboard_never_mixes_what_was_not_measured_alike(world: World) -> None:
    with Store.open(world.folder / "data") as store:
        first = attempt(store, "a1", 0.9, standard_error={"accuracy": 0.01}, branched=True, aids=("memory",))
        attempt(store, "a2", 0.7)
        attempt(store, "f1", 0.95, flavour="full")
    async with pages_of(world) as browser:
        sample = (await browser.get("/leaderboards/toy-v1", params={"data": "sample", "protocol": "strict"})).text
        default = (await browser.get("/leaderboards/toy-v1")).text
        everything = (await browser.get("/leaderboards")).text
        table = csv.DictReader((await browser.get("/leaderboards/toy-v1/csv")).text.splitlines())
        document = (await browser.get("/leaderboards/toy-v1/json")).json()
    assert sample.index("0.900 ± 0.010") < sample.index("0.7</td>") and "0.95" not in sample
    assert "branched" in sample and "with memory" in sample and f"/sessions/{first}" in sample
    assert "0.95" in default and "0.900" not in default
    assert everything.count('<a href="/leaderboards/toy-v1?') == 2
    assert [(line["flavour"], line["artefact"]) for line in table] == [
        ("full", "f1"),
        ("sample", "a1"),
        ("sample", "a2"),
    ]
    assert [len(group["entries"]) for group in document["groups"]] == [1, 0, 2, 0]


async def test_a_leaderboard_has_new_scores_at_once(world: World) -> None:
    async with pages_of(world) as browser:
        assert "Nothing has been submitted" in (await browser.get("/leaderboards/toy-v1")).text
        with Store.open(world.folder / "data") as store:
            attempt(store, "a1", 0.8125)
        assert "0.8125" in (await browser.get("/leaderboards/toy-v1")).text
        with Store.open(world.folder / "data") as store:
            attempt(store, "a2", 0.8375)
        assert "0.8375" in (await browser.get("/leaderboards/toy-v1")).text
        assert "0.8375" in (await browser.get("/tasks")).text


async def test_a_long_leaderboard_comes_in_pages(world: World) -> None:
    with Store.open(world.folder / "data") as store, store.write():
        for number in range(120):
            attempt(store, f"a{number:03}", 1 - number / 1000)
    async with pages_of(world) as browser:
        first, last, beyond = [(await browser.get(f"/leaderboards/toy-v1?page={page}")).text for page in (1, 2, 3)]
    assert "a000" in first and "a099" in first and "a100" not in first
    assert "a100" in last and "a119" in last and "a099" not in last
    assert "<tbody>" not in beyond


async def test_others_see_a_score_but_not_whose_it_is(world: World) -> None:
    with Store.open(world.folder / "data") as store:
        own, others = attempt(store, "a1", 0.6, principal="me"), attempt(store, "a2", 0.9, principal="them")
    mine = token_of(world, "me")
    async with pages_of(world, mine) as browser:
        board = (await browser.get("/leaderboards/toy-v1")).text
    assert "0.9" in board and own in board and others not in board
    assert "handle-of" not in board and "them" not in board


async def test_who_may_not_read_the_catalogue_is_asked_for_another_token(world: World) -> None:
    async with pages_of(world, token_of(world, "me", "attempt")) as browser:
        answers = [
            await browser.get(place) for place in ("/tasks", "/tasks/toy-v1", "/leaderboards", "/leaderboards/toy-v1")
        ]
    assert [answer.status_code for answer in answers] == [403] * 4


async def test_a_run_token_shows_its_own_task_and_no_leaderboard(world: World) -> None:
    write_task(world.folder / "tasks", id="other-v1", title="Another one")
    with Store.open(world.folder / "data") as store:
        attempt(store, "a1", 0.6, principal="me")
        handle = store.sessions.all()[0].id
    token = token_of(world, "me", session=handle)
    async with pages_of(world, token) as browser:
        listed, own = (await browser.get("/tasks")).text, await browser.get("/tasks/toy-v1")
        refused = [
            await browser.get(place) for place in ("/tasks/other-v1", "/leaderboards", "/leaderboards/toy-v1/csv")
        ]
    assert "toy-v1" in listed and "other-v1" not in listed
    assert own.status_code == 200 and "Leaderboard</h2>" not in own.text
    assert [answer.status_code for answer in refused] == [404] * 3


async def test_what_there_is_not_is_told_in_a_sentence(world: World) -> None:
    async with pages_of(world) as browser:
        for place in ("/tasks/no-such-v1", "/leaderboards/no-such-v1", "/tasks/%3Cscript%3E"):
            answer = await browser.get(place)
            assert answer.status_code == 404 and "There is no task" in answer.text and "<script>" not in answer.text
