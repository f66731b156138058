"""
The bridge to a Ray cluster: `python -m gateway.ray_bridge`, a process beside the workers in an environment with Ray.

It deploys one application of Ray Serve for each model that the gateway names, proves its golden rows through the
handle, and answers the Open Inference Protocol on a Unix socket in its place. Ray ends the process that connected to a
head which is gone: this one, which is started anew, and never a worker. Nothing else imports Ray.
"""
