"""``vineview bench``: each benchmark beside a peer measured in the same run."""
