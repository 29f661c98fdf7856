SET lock_timeout = '2s';
DROP TRIGGER tracks_performer ON tracks;
DROP FUNCTION tracks_performer();
ALTER TABLE tracks DROP COLUMN performer;
