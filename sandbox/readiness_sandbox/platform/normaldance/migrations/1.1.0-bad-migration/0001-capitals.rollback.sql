UPDATE tracks SET artist = lower(artist);
