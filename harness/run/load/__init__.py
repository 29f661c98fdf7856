"""One traffic from begin to end: its windows, the rate of probes, and the final reads."""
