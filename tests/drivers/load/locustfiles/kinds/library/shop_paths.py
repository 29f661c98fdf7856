CATALOGUE = ["/catalogue/shoes", "/catalogue/hats", "/catalogue/broken"]
