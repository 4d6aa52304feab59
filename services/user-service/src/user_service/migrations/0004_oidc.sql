-- Log-in by an OpenID provider that the academy has of its own.

CREATE TABLE identity_provider (
    academy         text        PRIMARY KEY,
    id              text        NOT NULL, -- another one with each change of issuer, client or secret
    name            text        NOT NULL,
    issuer          text        NOT NULL,
    client_id       text        NOT NULL,
    client_secret   bytea       NOT NULL, -- sealed with a key that is not in the database
    password_log_in boolean     NOT NULL,
    changed_by      text        NOT NULL,
    changed_at      timestamptz NOT NULL DEFAULT now()
);

-- A log-in that was begun; used once. Its state, nonce and code verifier follow from the secret that only the browser has.
CREATE TABLE oidc_flow (
    token_hash bytea       PRIMARY KEY,
    academy    text        NOT NULL,
    provider   text        NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX oidc_flow_expires ON oidc_flow (expires_at);

-- Whose account at the provider belongs to whom; a person has one.
CREATE TABLE oidc_link (
    academy    text        NOT NULL,
    issuer     text        NOT NULL,
    subject    text        NOT NULL,
    number_key text        NOT NULL,
    linked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (academy, issuer, subject),
    UNIQUE (academy, issuer, number_key)
);

-- By which provider somebody logged in; empty for a password.
ALTER TABLE session ADD COLUMN provider text NOT NULL DEFAULT '';
