"""When journeys arrive, and the greenlets that take them."""
