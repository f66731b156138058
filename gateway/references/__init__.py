"""
References into an MLflow store: `mlflow:models:/name@alias` becomes a verified copy, asked for in a child process.

`resolving.py` decides what is asked and what an answer means for a route, `store_child.py` is the child, the only part
that imports mlflow. Workers and the arbiter import none of this.
"""
