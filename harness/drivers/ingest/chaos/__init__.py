"""Reports of chaos tools: one module reads the reports of one tool."""
