"""Who callers over HTTP are, by what they show: the server's own token, a stored one, a run token, or a JWT."""
