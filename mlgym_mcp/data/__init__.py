"""Data of tasks: sources found on this machine or downloaded, made into public and hidden parts in a sandbox.

Prepared data lies in `<data folder>/prepared/<task>/<flavour>-<hash>`, named by the task's folder and by the secret
that the hidden parts come from. It is made beside its place and renamed into it, so what is there is whole.

Sources that no package brings are downloaded when the operator asks for full data, or put into
`<data folder>/sources/<task>`; from there, as from everywhere else, they get unpacked and checked into
`<cache folder>/sources/<SHA-256>`, the only place that they are used from.
"""

from mlgym_mcp.data.preparation import Data, place_of

__all__ = ["Data", "place_of"]
