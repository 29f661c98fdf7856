-- Planted: what is written over here cannot be brought back.
SET lock_timeout = '2s';
UPDATE tracks SET artist = upper(artist);
