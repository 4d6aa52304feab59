-- The terms of use of academies that have their own, as they are now: text by language.

CREATE TABLE terms (
    academy    text        PRIMARY KEY REFERENCES academy,
    version    int         NOT NULL CHECK (version > 0),
    texts      jsonb       NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
