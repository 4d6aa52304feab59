-- One row per mail that was asked for: (invitation, generation) names it, so a duplicate can only meet its own row.
-- `due_at` is both the back-off and the lease: a mail is not to be taken before it. A mail that is being sent has a
-- `claim`; once `due_at` has passed, whoever held it no longer does.
CREATE TABLE mail (
    academy         text        NOT NULL,
    invitation_id   uuid        NOT NULL,
    generation      int         NOT NULL,
    number_key      text        NOT NULL,
    personnel_number text       NOT NULL,
    user_version    bigint      NOT NULL,
    state           text        NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'withdrawn')),
    -- Taken back while somebody was sending it: what becomes of it is known when that attempt ends.
    withdrawing     boolean     NOT NULL DEFAULT false,
    -- Null in a row that only says that this mail must never go out.
    email           text,
    name            text,
    language        text,
    academy_name    text,
    expires_at      timestamptz,
    queued_at       timestamptz NOT NULL,
    attempts        int         NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL DEFAULT now(),
    claim           uuid,
    sent_at         timestamptz,
    message_id      text,
    reason          text,
    -- Of the event that asked for it, for the events that tell what became of it.
    actor           text        NOT NULL DEFAULT '',
    correlation_id  text        NOT NULL DEFAULT '',
    causation_id    text        NOT NULL DEFAULT '',
    traceparent     text        NOT NULL DEFAULT '',
    PRIMARY KEY (academy, invitation_id, generation),
    CHECK (state <> 'queued' OR (email IS NOT NULL AND expires_at IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
-- The academy is not in front: without statistics a look-up by the primary key could else walk the whole academy here.
CREATE INDEX mail_person ON mail (number_key, academy);
CREATE INDEX mail_due ON mail (academy, due_at) WHERE state = 'queued';

CREATE INDEX mail_age ON mail USING brin (queued_at);

-- Up to which version of the person nothing may be mailed: the last time somebody was deactivated or deleted.
CREATE TABLE bar (
    academy      text   NOT NULL,
    number_key   text   NOT NULL,
    user_version bigint NOT NULL,
    PRIMARY KEY (academy, number_key)
);
