"""HTTP for journeys: connections, answers, timeouts and failures."""
