"""The root of what a run writes down."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen; what a newer version wrote besides is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")
