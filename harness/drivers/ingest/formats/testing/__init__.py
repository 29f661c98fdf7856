"""Reports of tests: JUnit XML."""
