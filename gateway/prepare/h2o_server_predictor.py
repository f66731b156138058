"""The predictor of a binary H2O model while it is prepared: a server of its own, on a temporary socket."""

from gateway.errors import LoadError
from gateway.prepare.entry import Entry
from gateway.prepare.process_predictor import ProcessPredictor, Server
from gateway.prepare.remote_predictor import RemotePredictor


def predictor_of(entry: Entry) -> RemotePredictor:
    """Start the server and return the predictor of the model; raises GatewayError."""
    if entry.child is None:
        raise LoadError("the entry says nothing of its process", code="load", hint="run: gateway prepare")
    server = Server(entry.child, entry.artifact.sha256)
    try:
        return ProcessPredictor(entry.spec, server, "h2o_server")
    except BaseException as error:
        server.close()
        if isinstance(error, LoadError):
            raise _told(entry, error) from error
        raise


def _told(entry: Entry, error: LoadError) -> LoadError:
    """Return a refusal by the server with what helps against it."""
    hints = {
        "wrong-version": "name the h2o.jar of the release that wrote it: executor: {kind: h2o_server, jar: h2o.jar}",
        "unsupported-model": "export it with model.save_mojo(...) where H2O can, and leave `executor` out",
    }
    hint = hints.get(error.code) or error.hint or "load it in a server of the release that wrote it (h2o.load_model)"
    return LoadError(f"{entry.spec.sources[0]}: {error.message}", code=error.code, hint=hint)
