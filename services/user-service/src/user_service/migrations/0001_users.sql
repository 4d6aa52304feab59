-- People of the academies, and who holds which e-mail address.

CREATE TABLE person (
    academy               text        NOT NULL,
    number_key            text        NOT NULL,
    user_id               text        NOT NULL,
    number                text        NOT NULL,
    first_name            text        NOT NULL,
    infix                 text,
    last_name             text        NOT NULL,
    email                 text        NOT NULL,
    email_key             text        NOT NULL,
    company_id            text        NOT NULL,
    department_id         text        NOT NULL,
    function_ids          text[]      NOT NULL,
    cost_centre           text,
    language              text        NOT NULL,
    active                boolean     NOT NULL,
    manager               boolean     NOT NULL,
    terms_accepted        boolean     NOT NULL,
    ever_accepted_terms   boolean     NOT NULL,
    deleted               boolean     NOT NULL,
    version               bigint      NOT NULL,
    invitation_id         text,
    generation            int         NOT NULL,
    invitation_status     text        NOT NULL,
    invitation_expires_at timestamptz,
    invitation_email_key  text,
    PRIMARY KEY (academy, number_key)
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX person_invitation ON person (invitation_id) WHERE invitation_id IS NOT NULL;

-- The one place where an address is unique: a row for each person who is not deleted.
CREATE TABLE user_address (
    academy    text NOT NULL,
    email_key  text NOT NULL,
    number_key text NOT NULL,
    PRIMARY KEY (academy, email_key)
);
