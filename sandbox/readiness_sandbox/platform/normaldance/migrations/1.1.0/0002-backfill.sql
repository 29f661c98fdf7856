-- depends: 0001-expand
UPDATE tracks SET performer = artist WHERE performer IS NULL;
