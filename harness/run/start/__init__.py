"""What happens before the first request of a run: the target is started and asked, and the machine is measured."""
