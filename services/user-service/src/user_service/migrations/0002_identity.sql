-- How people, programs and the operator show who they are. Nothing in here can be used to log in: secrets are hashed.

ALTER TABLE person
    ADD COLUMN administrator boolean NOT NULL DEFAULT false,
    ADD COLUMN terms_version int     NOT NULL DEFAULT 0;

CREATE TABLE credential (
    academy       text        NOT NULL,
    number_key    text        NOT NULL,
    password_hash text        NOT NULL,
    changed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (academy, number_key)
);

-- A log-in. Without an academy it is the operator's.
CREATE TABLE session (
    id           text        PRIMARY KEY,
    token_hash   bytea       NOT NULL UNIQUE,
    academy      text        NOT NULL,
    number_key   text        NOT NULL,
    user_agent   text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);

CREATE INDEX session_person ON session (academy, number_key);

CREATE TABLE api_token (
    id           text        PRIMARY KEY,
    token_hash   bytea       NOT NULL UNIQUE,
    academy      text        NOT NULL,
    name         text        NOT NULL,
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz
);

CREATE INDEX api_token_academy ON api_token (academy);

CREATE TABLE password_reset (
    id         text        PRIMARY KEY,
    academy    text        NOT NULL,
    number_key text        NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
