"""Reports of scanners: SARIF, npm audit, CycloneDX."""
