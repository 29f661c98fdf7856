"""Reports of tests: JUnit XML and Cobertura XML."""
