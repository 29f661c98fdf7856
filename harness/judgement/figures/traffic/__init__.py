"""Figures of the users' requests and journeys without a fault: response time, error rate, throughput, uptime, and shares of regions and pods."""
