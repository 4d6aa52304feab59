-- Dead letters that can be found, looked at and sent again, and what was done with each.

ALTER TABLE dead_letter
    ADD COLUMN consumer_group text   NOT NULL DEFAULT '',
    ADD COLUMN academy        text   NOT NULL DEFAULT '', -- as the record says, which may be anything
    ADD COLUMN type           text   NOT NULL DEFAULT '',
    ADD COLUMN truncated      bigint,                     -- the bytes that the record had, where its end is missing
    ADD COLUMN state          text   NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'dropped')),
    ADD COLUMN attempt        bigint NOT NULL DEFAULT 0;  -- with which it was sent last
CREATE UNIQUE INDEX dead_letter_id ON dead_letter (id);
CREATE INDEX dead_letter_order ON dead_letter (topic, partition, "offset", cluster_id);
CREATE INDEX dead_letter_age ON dead_letter USING brin (created_at);

-- The record as it came. A letter has none where its bytes could not be had, or were not kept yet.
CREATE TABLE dead_letter_record (
    id      text  PRIMARY KEY REFERENCES dead_letter (id) ON DELETE CASCADE,
    key     bytea,
    headers bytea NOT NULL,
    value   bytea
);
CREATE INDEX dead_letter_key ON dead_letter_record USING hash (key); -- a key may be too long for a tree

CREATE TABLE dead_letter_action (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    run        text        NOT NULL, -- what one command did has one
    actor      text        NOT NULL,
    action     text        NOT NULL CHECK (action IN ('replay', 'drop')),
    letter     text        NOT NULL,
    topic      text        NOT NULL,
    forced     boolean     NOT NULL,
    outcome    text        NOT NULL CHECK (outcome IN ('done', 'skipped')),
    reason     text        NOT NULL,
    UNIQUE (run, letter)
);
CREATE INDEX dead_letter_action_letter ON dead_letter_action (letter);
CREATE INDEX dead_letter_action_age ON dead_letter_action USING brin (created_at);

-- A later attempt of a command that had gone to the dead letters replaces its outcome.
ALTER TABLE command ADD COLUMN attempt bigint NOT NULL DEFAULT 1;
