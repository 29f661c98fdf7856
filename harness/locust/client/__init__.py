"""HTTP for journeys: connections, answers, time-outs, failures."""
