-- Academies and their units. Nothing is ever deleted here: a removed unit keeps its row and can come back.

CREATE TABLE academy (
    id               text        PRIMARY KEY,
    name             text        NOT NULL,
    default_language text        NOT NULL,
    languages        text[]      NOT NULL,
    revision         bigint      NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (default_language = ANY (languages))
);

CREATE TABLE unit (
    academy             text    NOT NULL REFERENCES academy,
    kind                text    NOT NULL CHECK (kind IN ('company', 'department', 'function')),
    id                  text    NOT NULL,
    company_id          text    NOT NULL CHECK ((company_id <> '') = (kind = 'department')),
    name                text    NOT NULL,
    name_key            text    NOT NULL,
    code                text,
    code_key            text,
    former_names        text[]  NOT NULL,
    learning_activities text[]  NOT NULL,
    removed             boolean NOT NULL,
    revision            bigint  NOT NULL,
    PRIMARY KEY (academy, id),
    -- Deferred: one command may swap the names of two units.
    CONSTRAINT unit_name_is_unique EXCLUDE USING btree
        (academy WITH =, kind WITH =, company_id WITH =, name_key WITH =) WHERE (NOT removed)
        DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT unit_code_is_unique EXCLUDE USING btree
        (academy WITH =, kind WITH =, company_id WITH =, code_key WITH =) WHERE (NOT removed AND code_key IS NOT NULL)
        DEFERRABLE INITIALLY DEFERRED
);
