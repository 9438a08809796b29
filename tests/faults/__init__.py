"""What goes wrong on real machines, done on purpose: see harness.py, and book/howto/faults.md for what follows."""
