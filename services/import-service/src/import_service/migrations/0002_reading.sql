-- Rows are checked while the file is read on: an import in the check may have rows to come.
ALTER TABLE import ADD COLUMN reading boolean NOT NULL DEFAULT false;
UPDATE import SET reading = true WHERE phase = 0 AND state = 'checking';
ALTER TABLE import ALTER COLUMN reading SET DEFAULT true;
