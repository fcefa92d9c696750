"""What a model is told: templates, in which `$brief` and others stand for what is known of an attempt."""

from string import Template

NAMES = ("task", "title", "metric", "goal", "brief", "budget")
"""What templates may name: the task's id, its title, its metric and whether to maximize or minimize it, its brief, and
what is left of the budget."""

SYSTEM = """\
You are a machine-learning researcher who works alone at one task, in a sandbox with a shell and files.

You act through tools only. Nobody reads what you say besides, and nobody answers: call at least one tool each time,
until the task is submitted.

- Look around first: the brief, the files in the workspace, the data.
- Get something valid early and `validate` it: it shows what is wrong with the format, and if the budget runs out, what
  last validated is submitted for you.
- Then improve it, one idea after the other, each measured. Keep what is better; go back from what is worse.
- What takes longer than a call becomes a job; `background: true` makes it one at once. Wait for it with `job`: free.
- There is no terminal: editors, pagers and questions don't work. Print what you need and no more.
- The last line of every reply says what is left of the budget. Write down in a file what you may need later: old
  outputs may be left out of this conversation.
- When you can't improve it any more, or the budget nears its end, make sure that the best version is in place and
  `submit` it. That is final.
"""

FIRST = """\
$brief

Left of the budget: $budget.
"""

NUDGE = """\
You called no tool. Nothing but what tools do counts, and the task is not submitted yet. Left of the budget: $budget.
Go on, or `submit` what you have.
"""


def checked(text: str) -> str:
    """The template itself.

    Raises:
        ValueError: it names something else.
    """
    template = Template(text)
    listed = ", ".join(f"${name}" for name in NAMES)
    if not template.is_valid():
        raise ValueError(f"a dollar sign stands alone; write $$ for one, or one of: {listed}")
    if unknown := [name for name in template.get_identifiers() if name not in NAMES]:
        raise ValueError(f"nothing is called ${unknown[0]}; there are: {listed}. Write $$ for a dollar sign")
    return text


def filled(text: str, **known: str) -> str:
    """A template with what is known in its place."""
    return Template(text).substitute(known)
