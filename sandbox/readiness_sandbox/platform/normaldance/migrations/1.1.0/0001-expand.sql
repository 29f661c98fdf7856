-- The performer of a track gets a column of its own; until no service writes `artist` any more, each of the two columns follows the other.
SET lock_timeout = '2s';
ALTER TABLE tracks ADD COLUMN performer text;
CREATE FUNCTION tracks_performer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.performer IS DISTINCT FROM OLD.performer THEN
        NEW.artist := NEW.performer;
    ELSIF TG_OP = 'UPDATE' OR NEW.performer IS NULL THEN
        NEW.performer := NEW.artist;
    ELSIF NEW.artist IS NULL THEN
        NEW.artist := NEW.performer;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tracks_performer BEFORE INSERT OR UPDATE ON tracks FOR EACH ROW EXECUTE FUNCTION tracks_performer();
