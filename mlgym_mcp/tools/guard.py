"""The guard: whether a caller may do what it asks for, and so often. What it refuses is in the audit log, and free."""

import functools
import math
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeAlias, TypeVar

from mlgym_mcp.bucket import Buckets
from mlgym_mcp.errors import Forbidden, QuotaSpent
from mlgym_mcp.sessions.principal import OPERATORS, Scope
from mlgym_mcp.store import AuditLog
from mlgym_mcp.tools.caller import current_caller

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Call: TypeAlias = Callable[Arguments, Awaitable[Result]]


class Guard:
    """One for all addresses of a server."""

    def __init__(self, audit: AuditLog, calls_per_minute: int | None = None) -> None:
        self.audit = audit
        self._calls_per_minute = calls_per_minute
        self._calls = Buckets(calls_per_minute) if calls_per_minute else None

    def require(self, scope: Scope) -> None:
        """Let the current caller do something.

        Raises:
            Forbidden: its credential does not have this scope.
        """
        caller = current_caller()
        if scope not in caller.scopes:
            self.audit.refuse("scope_refused", session=caller.session, scope=scope)
            has = ", ".join(f"`{one}`" for one in sorted(caller.scopes)) or "none"
            raise Forbidden(
                f"Your token does not allow this: it needs the scope `{scope}`, and has {has}. "
                "Ask who runs this server for another."
            )

    def take_turn(self) -> None:
        """Count a call of the current caller.

        Raises:
            QuotaSpent: it has made too many of late; says how long to wait.
        """
        caller = current_caller()
        if self._calls is None or (caller.principal in OPERATORS and not caller.confined):
            return
        if wait := self._calls.of(caller.account).take():
            raise QuotaSpent(
                f"Too many calls: you may make {self._calls_per_minute} a minute. "
                f"Wait {math.ceil(wait)} s and call again; nothing was done, and it cost nothing."
            )

    def guarded(
        self, scope: Scope, *, counted: bool = True
    ) -> Callable[[Call[Arguments, Result]], Call[Arguments, Result]]:
        """Decorates a call: for whoever has a scope, as often as a caller may make it.

        Args:
            scope: What it needs.
            counted: Whether it counts as a call; not if all it does is make another that does.
        """

        def decorate(call: Call[Arguments, Result]) -> Call[Arguments, Result]:
            @functools.wraps(call)
            async def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
                self.require(scope)
                try:
                    if counted:
                        self.take_turn()
                    return await call(*args, **kwargs)
                except QuotaSpent as error:
                    if counted:
                        self.audit.refuse("quota_refused", session=current_caller().session, why=str(error))
                    raise

            return guarded

        return decorate
