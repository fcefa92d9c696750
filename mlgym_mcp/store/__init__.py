"""The store: what lasts. One data folder, which several servers share."""

from mlgym_mcp.store.artefacts import Artefacts
from mlgym_mcp.store.audit import SERVER, Actor, AuditLog, acting
from mlgym_mcp.store.checkpoints import Checkpoint
from mlgym_mcp.store.events import Event
from mlgym_mcp.store.gpu_leases import GpuLease
from mlgym_mcp.store.instance import Instance
from mlgym_mcp.store.listing import Result, Wanted
from mlgym_mcp.store.notes import Note, Owner
from mlgym_mcp.store.records import Records
from mlgym_mcp.store.scores import ScoreRow, Standing
from mlgym_mcp.store.sessions import SessionRow
from mlgym_mcp.store.store import Store
from mlgym_mcp.store.submissions import Submission
from mlgym_mcp.store.tokens import TokenRow, Tokens

__all__ = [
    "SERVER",
    "Actor",
    "Artefacts",
    "AuditLog",
    "Checkpoint",
    "Event",
    "GpuLease",
    "Instance",
    "Note",
    "Owner",
    "Records",
    "ScoreRow",
    "SessionRow",
    "Standing",
    "Store",
    "Submission",
    "TokenRow",
    "Tokens",
    "Result",
    "Wanted",
    "acting",
]
