"""Leaderboards: what was submitted on each task, best first; what was not measured alike never in one table."""

import csv
import io
from collections.abc import Iterator

from mlgym_mcp.sessions.leaderboard import Entry, Group
from mlgym_mcp.viewer.boards import Board, board_of, group_asked_for
from mlgym_mcp.viewer.leaf import Leaf
from mlgym_mcp.viewer.page import Content, Download
from mlgym_mcp.viewer.tasks_pages import task_asked_for
from mlgym_mcp.viewer.visit import Visit

SIZE = 100
"""Entries on a page."""
COLUMNS = (
    "flavour",
    "protocol",
    "rank",
    "artefact",
    "value",
    "standard_error",
    "reward",
    "on_all_examples",
    "at",
    "exit_status",
    "branched",
    "aids",
)


def leaderboards(visit: Visit) -> Content:
    """All leaderboards, each with who leads."""
    boards = [board_of(visit, task) for task in visit.catalog.list()]
    filled = [(board, group) for board in boards for group in board.filled]
    empty = [board.task for board in boards if not board.filled]
    return Content("leaderboards.html.j2", "Leaderboards", {"filled": filled, "empty": empty})


def leaderboard(visit: Visit) -> Content:
    """One leaderboard, a page of one group."""
    board = _asked_for(visit)
    group = group_asked_for(visit, board)
    named = {"data": group.flavour, "protocol": group.protocol}
    leaf = Leaf(visit.number("page"), SIZE, len(group.entries), f"/leaderboards/{board.task.id}", named)
    facts = {
        "task": board.task,
        "board": board.leaderboard,
        "filled": board.filled,
        "group": group,
        "places": list(board.places(visit, group, leaf.skip, SIZE)),
        "leaf": leaf,
    }
    return Content("leaderboard.html.j2", f"Leaderboard: {board.task.title}", facts)


def leaderboard_csv(visit: Visit) -> Download:
    """The whole leaderboard as a table; data and protocol are columns of it."""
    board = _asked_for(visit)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for group in board.leaderboard.groups:
        writer.writerows(_row(board, group, entry) for entry in group.entries)
    return Download(f"leaderboard-{board.task.id}.csv", "text/csv", text.getvalue())


def leaderboard_json(visit: Visit) -> Download:
    """The whole leaderboard as `mlgym://leaderboard/{task}` has it."""
    board = _asked_for(visit)
    content = board.leaderboard.model_dump_json(indent=2)
    return Download(f"leaderboard-{board.task.id}.json", "application/json", content)


def _asked_for(visit: Visit) -> Board:
    return board_of(visit, task_asked_for(visit))


def _row(board: Board, group: Group, entry: Entry) -> Iterator[object]:
    upstream = (entry.upstream_scores or {}).get(board.task.ranking.name)
    yield from (group.flavour, group.protocol, entry.rank, entry.artefact, entry.value, entry.standard_error)
    yield from (entry.reward, upstream, entry.at, entry.exit_status, entry.branched, " ".join(entry.aids))
