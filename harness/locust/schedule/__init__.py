"""The schedule of journeys, and the greenlets that run them."""
