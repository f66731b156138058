"""Where the pages of the console hang."""

from flask import Flask

from gateway.rest.api import GatewayApi
from gateway.rest.offload import Offload
from gateway.rest.pages.batch_page import BatchPage
from gateway.rest.pages.plot_counts import PlotCounts
from gateway.rest.pages.static_files import StaticFiles
from gateway.rest.pages.try_page import TryPage
from gateway.routing.live_generation import Generation


def mount_console(app: Flask, api: GatewayApi, generation: Generation, offload: Offload) -> None:
    """Mount the pages of every route by its name, one rule a page, and their files."""
    api.mount(TryPage, "/console/<name>", "console-try", offload=offload)
    api.mount(BatchPage, "/console/<name>/batch", "console-batch", offload=offload)
    api.mount(PlotCounts, "/console/<name>/plot/<digest>", "console-plot", offload=offload)
    api.mount(StaticFiles, "/static/<digest>/<path:file>", "static-files", offload=offload)
