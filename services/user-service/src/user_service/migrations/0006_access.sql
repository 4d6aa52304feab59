-- Access that ends for good, and the administrators that an import would take away.

-- A link for a new password also ends unused: by a newer one, with the address it was mailed to, with the access of
-- the person.
ALTER TABLE password_reset ADD COLUMN ended_at timestamptz;
CREATE INDEX password_reset_person ON password_reset (academy, number_key) WHERE used_at IS NULL AND ended_at IS NULL;
CREATE INDEX password_reset_expiry ON password_reset (expires_at);
CREATE INDEX session_expiry ON session (expires_at);

-- Whom the checks of an import found to stop being an administrator, in the order in which they were found. An import's
-- rows are checked in many batches, and each has to know of the others.
CREATE TABLE leaving_administrator (
    academy    text        NOT NULL,
    import_id  text        NOT NULL,
    number_key text        NOT NULL,
    seq        bigint      GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (academy, import_id, number_key)
);

CREATE INDEX leaving_administrator_age ON leaving_administrator USING brin (at);
