"""Every error that mlgym-mcp raises itself.

    MLGymError
    ├── CallerError              the caller can mend it: its text goes to the model as written
    │   ├── UnknownTask · UnknownSession
    │   ├── Forbidden · QuotaSpent
    │   ├── SessionClosed · BudgetSpent · SessionBusy
    │   ├── InvalidSubmission
    │   └── CommandRefused       the guest refused a request (missing file, ambiguous edit, …)
    ├── InfrastructureError      ours: the model gets a neutral sentence and a reference, the log the detail
    │   ├── SandboxError
    │   │   ├── SandboxStartError · SandboxGone
    │   ├── ScoringError
    │   └── StoreError
    └── SetupError               the operator can mend it: its text names the command that does
        ├── TaskSpecError
        ├── DataMissing
        ├── BackendUnavailable
        └── DiskFull

Two questions decide the branch: whose is it to mend, and may the model read why?
"""


class MLGymError(Exception):
    """The root of every error that mlgym-mcp raises itself."""


class CallerError(MLGymError):
    """Raised when the caller can mend the call; the message says how."""


class UnknownTask(CallerError):
    """Raised when no task of the catalogue has the id."""


class UnknownSession(CallerError):
    """Raised when a handle names no session that this caller may use."""


class Forbidden(CallerError):
    """Raised when the caller's credential does not allow a call."""


class QuotaSpent(CallerError):
    """Raised when the caller has had as much as it may for now; says when there is more."""


class SessionClosed(CallerError):
    """Raised when a session no longer accepts work."""


class BudgetSpent(CallerError):
    """Raised when a call would need more budget than the session has left."""


class SessionBusy(CallerError):
    """Raised when a session could not answer for as long as the caller would wait: its shell or sandbox was busy."""


class InvalidSubmission(CallerError):
    """Raised when an artefact cannot be taken: a file is absent, too large, or not a regular file."""


class CommandRefused(CallerError):
    """Raised when the guest refused a request and nothing was changed."""


class NotAvailable(CommandRefused):
    """Raised when a source outside did not give what was asked for; the message says what to try."""


class InfrastructureError(MLGymError):
    """Raised when the system failed at something that is no fault of the caller."""


class SandboxError(InfrastructureError):
    """Raised when a sandbox could not do its work; never dressed as a command's output."""


class SandboxStartError(SandboxError):
    """Raised when a sandbox could not be started."""


class SandboxGone(SandboxError):
    """Raised when a sandbox that was running no longer answers."""


class GpuFailed(InfrastructureError):
    """Raised when a GPU does not answer."""


class ScoringError(InfrastructureError):
    """Raised when an artefact could not be scored through no fault of its own."""


class StoreError(InfrastructureError):
    """Raised when the store could not keep or find a record."""


class SetupError(MLGymError):
    """Raised when the operator has to change something first; the message names the command."""


class TaskSpecError(SetupError):
    """Raised when a task folder is not well-formed; names file, field and what was expected."""


class DataMissing(SetupError):
    """Raised when a task's full data is not on this machine; names file, place and command."""


class BackendUnavailable(SetupError):
    """Raised when no sandbox backend works here; names what is missing, and the command that mends it if one does."""

    def __init__(self, detail: str, fix: str | None = None) -> None:
        super().__init__(f"{detail}; to mend it: {fix}" if fix else detail)
        self.detail = detail
        self.fix = fix


class DiskFull(SetupError):
    """Raised when nothing new can be kept, since the disk of the data folder is full."""

    def __init__(self) -> None:
        super().__init__(
            "The disk of the server's data folder is full, so that nothing new can be recorded. All that was answered "
            "before is kept. Once there is room on it again, look what this call has done, and repeat it if need be."
        )
