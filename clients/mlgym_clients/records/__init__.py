"""What a run leaves on disk: its facts, its attempts, their events and messages."""
