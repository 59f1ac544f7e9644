"""The embedded video manager. Standard library only; knows nothing of Jupyter."""
