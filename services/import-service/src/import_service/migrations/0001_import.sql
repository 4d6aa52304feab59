-- Imports, their files, their rows, and what user-service answered about each row.

CREATE TABLE import (
    id               uuid        PRIMARY KEY,
    academy          text        NOT NULL,
    actor            text        NOT NULL,
    traceparent      text        NOT NULL,
    filename         text        NOT NULL,
    size             bigint      NOT NULL,
    min_org_revision bigint      NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    purged_at        timestamptz,
    state            text        NOT NULL CHECK (state IN
        ('checking', 'checked', 'running', 'completed', 'refused', 'cancelled', 'failed')),
    -- who reads the file: an epoch fences a reader that was taken for dead
    read_epoch       int         NOT NULL DEFAULT 0,
    lease_until      timestamptz,
    columns          jsonb       NOT NULL DEFAULT '{}',
    errors           jsonb       NOT NULL DEFAULT '[]',
    warnings         jsonb       NOT NULL DEFAULT '[]',
    rows             int         NOT NULL DEFAULT 0,
    last_row         int         NOT NULL DEFAULT 0,
    -- the present phase: 0 the file is being read, 1 check, 2 start; rows up to `cursor` are sent
    phase            smallint    NOT NULL DEFAULT 0,
    round            int         NOT NULL DEFAULT 1,
    attempt          int         NOT NULL DEFAULT 1,
    cursor           int         NOT NULL DEFAULT 0,
    sent             int         NOT NULL DEFAULT 0,
    done             int         NOT NULL DEFAULT 0,
    created          int         NOT NULL DEFAULT 0,
    updated          int         NOT NULL DEFAULT 0,
    unchanged        int         NOT NULL DEFAULT 0,
    rejected         int         NOT NULL DEFAULT 0,
    invited          int         NOT NULL DEFAULT 0,
    waiting          int         NOT NULL DEFAULT 0,
    already_invited  int         NOT NULL DEFAULT 0,
    plan             jsonb,
    report_version   int         NOT NULL DEFAULT 0,
    quiet_since      timestamptz NOT NULL DEFAULT now(),
    resends          int         NOT NULL DEFAULT 0,
    stalled          text,
    progressed_at    timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
CREATE INDEX import_of_academy ON import (academy, id);
CREATE INDEX import_open ON import (id) WHERE state IN ('checking', 'running');

CREATE TABLE upload_chunk (
    import_id  uuid        NOT NULL,
    part       int         NOT NULL,
    data       bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (import_id, part)
);
-- What was compressed once (xlsx) does not get smaller.
ALTER TABLE upload_chunk ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE import_row (
    import_id  uuid    NOT NULL,
    row_no     int     NOT NULL,
    number_key text,
    email_key  text,
    fields     bytea   NOT NULL,
    errors     bytea,
    PRIMARY KEY (import_id, row_no)
);
-- The import is not in front: without statistics a look-up of a row could else walk the whole import here.
CREATE INDEX import_row_number ON import_row (number_key, import_id);

-- One answer per row and phase; a higher rank (round, attempt) replaces it.
CREATE TABLE answer (
    import_id    uuid     NOT NULL,
    phase        smallint NOT NULL,
    row_no       int      NOT NULL,
    rank         bigint   NOT NULL,
    outcome      text     NOT NULL,
    invitation   text     NOT NULL,
    restored     boolean  NOT NULL,
    user_version bigint   NOT NULL,
    org_revision bigint   NOT NULL,
    detail       bytea,
    PRIMARY KEY (import_id, phase, row_no)
);

-- Who does what only one process may do at a time.
CREATE TABLE lease (
    name   text        PRIMARY KEY,
    holder text        NOT NULL,
    until  timestamptz NOT NULL
);
