-- The column goes with 0001; until then both columns say the same.
UPDATE tracks SET performer = performer WHERE false;
