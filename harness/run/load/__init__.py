"""One traffic from start to end: its windows, the rate of probes, and the final reads."""
