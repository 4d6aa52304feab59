ALTER TABLE person ADD COLUMN administrator boolean NOT NULL DEFAULT false, ADD COLUMN terms_version int NOT NULL DEFAULT 0;
