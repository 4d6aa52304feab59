-- What every service has: the way out, the relay's place in it, what was asked before, and where each consumer is.

CREATE TABLE outbox (
    txid       xid8        NOT NULL DEFAULT pg_current_xact_id(),
    seq        bigint      GENERATED ALWAYS AS IDENTITY,
    topic      text        NOT NULL,
    key        bytea,
    headers    bytea       NOT NULL,
    value      bytea,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_order ON outbox (txid, seq);

CREATE TABLE outbox_cursor (
    id          int         PRIMARY KEY CHECK (id = 1),
    epoch       bigint      NOT NULL,
    lease_until timestamptz NOT NULL,
    snap        pg_snapshot NOT NULL,
    next_snap   pg_snapshot,
    last_seq    bigint      NOT NULL DEFAULT 0,
    purged      xid8        NOT NULL DEFAULT '0', -- rows of this and earlier transactions may be gone
    system_id   text        NOT NULL,
    cluster_id  text,
    incarnation int         NOT NULL DEFAULT 0
);
INSERT INTO outbox_cursor (id, epoch, lease_until, snap, system_id)
SELECT 1, 0, '-infinity', '1:1:', system_identifier::text FROM pg_control_system();

CREATE TABLE request_log (
    academy    text        NOT NULL,
    source     text        NOT NULL,
    id         text        NOT NULL,
    attempt    bigint      NOT NULL,
    outcome    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (academy, source, id)
);
CREATE INDEX request_log_age ON request_log USING brin (created_at);

CREATE TABLE command (
    id          text        PRIMARY KEY,
    academy     text        NOT NULL,
    type        text        NOT NULL,
    digest      bytea       NOT NULL, -- of what was asked: an idempotency key stands for one command
    outcome     jsonb,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX command_age ON command USING brin (created_at);

CREATE TABLE dead_letter (
    cluster_id text        NOT NULL,
    topic      text        NOT NULL,
    partition  int         NOT NULL,
    "offset"   bigint      NOT NULL,
    id         text        NOT NULL,
    reason     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cluster_id, topic, partition, "offset")
);

CREATE TABLE consumer_position (
    cluster_id  text   NOT NULL,
    topic       text   NOT NULL,
    partition   int    NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (cluster_id, topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE replica_state (
    topic    text    NOT NULL,
    key      text    NOT NULL,
    academy  text    NOT NULL,
    type     text    NOT NULL,
    revision bigint  NOT NULL,
    removed  boolean NOT NULL,
    value    jsonb,
    PRIMARY KEY (topic, key)
);
