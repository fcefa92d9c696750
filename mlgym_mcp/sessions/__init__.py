"""Sessions: attempts at tasks, from their start to their score. `manager` is the way in, `session` what it gives."""
