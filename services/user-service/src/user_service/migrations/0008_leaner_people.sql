-- What an import writes of each person, made smaller.

SET LOCAL transaction_timeout = 0; -- the table is written anew

-- Half of each page stays free, so that a changed row stays on its page and no index need know of it.
ALTER TABLE person SET (fillfactor = 50);

-- How somebody was taken in, told as the first line of their history. The history of older people has a row for it.
ALTER TABLE person
    ADD COLUMN created_at         timestamptz,
    ADD COLUMN created_by         text,
    ADD COLUMN created_version    bigint,
    ADD COLUMN created_invitation text;

-- The same words without their positions, which nobody asks for, and without a parser that looks for addresses in them.
ALTER TABLE person ALTER COLUMN search SET EXPRESSION AS (array_to_tsvector(array_remove(regexp_split_to_array(
    lower(first_name || ' ' || coalesce(infix, '') || ' ' || last_name || ' ' || number || ' ' || email),
    '[^[:alnum:]]+'), '')));
DROP FUNCTION search_words(text);
