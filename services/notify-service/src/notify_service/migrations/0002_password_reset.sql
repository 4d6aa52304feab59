-- A mail may also hold the link with which somebody chooses a new password: then `invitation_id` is the id of the reset,
-- `generation` is 1 and `user_version` 0. Nothing supersedes it and nobody is told what became of it.

ALTER TABLE mail ADD COLUMN kind text NOT NULL DEFAULT 'invitation' CHECK (kind IN ('invitation', 'password_reset'));
