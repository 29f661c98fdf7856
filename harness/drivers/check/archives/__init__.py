"""Archives: old rows are moved into one by the platform, read back, and compared with what they were."""
