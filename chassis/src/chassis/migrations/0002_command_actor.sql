-- Whoever gave a command may follow it.
ALTER TABLE command ADD COLUMN actor text NOT NULL DEFAULT '';
