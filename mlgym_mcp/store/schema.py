"""The tables, and the steps that lead from each version of them to the next."""

VERSION_1 = """
CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    started_at REAL NOT NULL,
    process INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    key TEXT,
    task TEXT NOT NULL,
    protocol TEXT NOT NULL,
    flavour TEXT NOT NULL,
    gpus INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    exit_status TEXT,
    created_at REAL NOT NULL,
    closed_at REAL,
    backend TEXT NOT NULL,
    sandbox TEXT NOT NULL UNIQUE,
    token TEXT NOT NULL,
    lease_until REAL NOT NULL,
    owner TEXT,
    budget TEXT NOT NULL,
    validated TEXT,
    submission TEXT,
    UNIQUE (principal, key)
) STRICT;

CREATE INDEX sessions_by_state ON sessions (state, created_at);

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions (id),
    kind TEXT NOT NULL,
    key TEXT,
    at REAL NOT NULL,
    request TEXT NOT NULL,
    seconds REAL,
    reply TEXT,
    error TEXT,
    UNIQUE (session, key)
) STRICT;

CREATE INDEX events_by_session ON events (session, id);

CREATE TABLE submissions (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions (id),
    phase TEXT NOT NULL,
    artefact TEXT NOT NULL,
    size INTEGER NOT NULL,
    at REAL NOT NULL
) STRICT;

CREATE INDEX submissions_by_session ON submissions (session, id);

CREATE TABLE scores (
    id INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submissions (id),
    at REAL NOT NULL,
    outcome TEXT NOT NULL,
    score TEXT NOT NULL
) STRICT;

CREATE INDEX scores_by_submission ON scores (submission, id);
"""

VERSION_2 = """
CREATE TABLE wishes (
    session TEXT PRIMARY KEY REFERENCES sessions (id),
    wish TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
"""

VERSION_3 = """
CREATE TABLE gpu_leases (
    device TEXT PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions (id),
    at REAL NOT NULL
) STRICT;
"""

VERSION_4 = """
CREATE TABLE checkpoints (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions (id),
    name TEXT NOT NULL,
    archive TEXT NOT NULL,
    size INTEGER NOT NULL,
    cwd TEXT NOT NULL,
    exports BLOB NOT NULL,
    budget TEXT NOT NULL,
    at REAL NOT NULL,
    UNIQUE (session, name)
) STRICT;

ALTER TABLE sessions ADD COLUMN origin INTEGER REFERENCES checkpoints (id)
"""

VERSION_5 = """
ALTER TABLE sessions ADD COLUMN agent TEXT;

ALTER TABLE sessions ADD COLUMN aids TEXT NOT NULL DEFAULT '';

CREATE TABLE notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    principal TEXT NOT NULL,
    agent TEXT NOT NULL,
    task TEXT NOT NULL,
    session TEXT NOT NULL REFERENCES sessions (id),
    at REAL NOT NULL,
    text TEXT NOT NULL,
    tags TEXT NOT NULL
) STRICT;

CREATE INDEX notes_by_owner ON notes (principal, agent, task, id);

CREATE VIRTUAL TABLE note_words USING fts5 (text, tags, content = 'notes', content_rowid = 'id')
"""

VERSION_6 = """
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    principal TEXT NOT NULL,
    scopes TEXT NOT NULL,
    session TEXT REFERENCES sessions (id),
    created_at REAL NOT NULL,
    expires_at REAL,
    revoked_at REAL,
    used_at REAL
) STRICT;

CREATE INDEX sessions_by_principal ON sessions (principal, created_at)
"""

STEPS = (VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6)
"""Step N leads from version N to version N + 1."""
