-- The list of people: by name, found by the beginnings of words, by place and state; and what became of each.

CREATE FUNCTION search_words(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN regexp_replace(lower($1), '[^[:alnum:]]+', ' ', 'g');

ALTER TABLE person
    ADD COLUMN sort_key text COLLATE "C" GENERATED ALWAYS AS
        (lower(last_name) || E'\x01' || lower(first_name) || E'\x01' || number_key) STORED,
    ADD COLUMN search tsvector GENERATED ALWAYS AS
        (to_tsvector('pg_catalog.simple', search_words(
            first_name || ' ' || coalesce(infix, '') || ' ' || last_name || ' ' || number || ' ' || email))) STORED;

CREATE INDEX person_by_name ON person (academy, sort_key) WHERE NOT deleted;
CREATE INDEX person_deleted ON person (academy, sort_key) WHERE deleted;
CREATE INDEX person_inactive ON person (academy, sort_key) WHERE NOT deleted AND NOT active;
CREATE INDEX person_active ON person (academy, sort_key) WHERE NOT deleted AND active;
CREATE INDEX person_company ON person (academy, company_id, sort_key);
CREATE INDEX person_department ON person (academy, department_id, sort_key);
CREATE INDEX person_invitation_status ON person (academy, invitation_status, sort_key);
CREATE INDEX person_user_id ON person (user_id);
CREATE INDEX person_functions ON person USING gin (function_ids);
CREATE INDEX person_search ON person USING gin (search);

CREATE TABLE person_history (
    academy    text        NOT NULL,
    number_key text        NOT NULL,
    seq        bigint      GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL,
    actor      text        NOT NULL,
    type       text        NOT NULL,
    version    bigint      NOT NULL,
    changes    jsonb       NOT NULL,
    restored   boolean     NOT NULL,
    invitation text        NOT NULL,
    PRIMARY KEY (academy, number_key, seq)
);
