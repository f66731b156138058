"""Clusters of Ray on this machine: their nodes, what they serve, and what happens when parts of them fail."""
