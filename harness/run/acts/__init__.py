"""Acts: what a run does, one step at a time.

Each kind of act has a driver, which plans it from a demand and runs it.
A driver of your own is a class with the methods of `driver.Driver`, named by an entry point of the group `readiness.drivers`.
"""
