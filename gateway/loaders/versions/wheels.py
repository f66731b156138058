"""
Knows the Python versions that each scikit-learn release has wheels for: the fix for artifacts of other releases.

The only place that names a release to install. It never names one for the gateway's own environment: all routes share
that one.
"""

from typing import Final

#: Minor release -> the newest Python that it has a wheel for (asked of the package index in November 2026).
NEWEST_PYTHON: Final = {
    "0.19": "3.7",
    "0.20": "3.7",
    "0.21": "3.7",
    "0.22": "3.8",
    "0.23": "3.8",
    "0.24": "3.9",
    "1.0": "3.10",
    "1.1": "3.11",
    "1.2": "3.11",
    "1.3": "3.12",
    "1.4": "3.12",
    "1.5": "3.13",
    "1.6": "3.13",
    "1.7": "3.14",
    "1.8": "3.14",
    "1.9": "3.14",
}
#: The newest release of XGBoost that reads the binary format; its wheels fit any Python 3.
XGBOOST_WITH_BINARY: Final = "3.0.5"
#: The newest release that reads the binary format inside pickles of 1.0 to 1.2, labels included.
XGBOOST_WITH_PICKLES: Final = "1.7.6"
NEWEST_WITH_PICKLES: Final = "3.11"


def another_scikit_learn(written_by: str | None, installed: str) -> str:
    """Return the ways out for an artifact of another scikit-learn; the second one leaves this environment alone."""
    train = f"train it again with scikit-learn {installed}, which is installed here"
    minor = ".".join((written_by or "").split(".")[:2])
    python = NEWEST_PYTHON.get(minor)
    if python is None:
        return train
    return (
        f"{train}; or convert it to ONNX (skl2onnx) in an environment of its own that has scikit-learn {minor}: "
        f"Python {python} is the newest with a wheel of it, pip install 'scikit-learn=={minor}.*' skl2onnx"
    )


def xgboost_with_binary() -> str:
    """Return how to bring a model of XGBoost's binary format into one that every release reads."""
    return (
        "convert it in an environment of its own: "
        f"pip install xgboost=={XGBOOST_WITH_BINARY}, then xgboost.Booster(model_file=…).save_model('model.ubj')"
    )


def xgboost_of_a_pickle(is_since_1_0: bool) -> str:
    """Return how to bring a pickled booster of the binary format into a file that every release reads."""
    save = "then load it and call save_model('model.json') on its booster"
    if is_since_1_0:
        return (
            f"in an environment of its own, with Python {NEWEST_WITH_PICKLES}: pip install "
            f"xgboost=={XGBOOST_WITH_PICKLES} and the scikit-learn that wrote it, {save}"
        )
    return (
        "no later XGBoost reads it: in an environment of the XGBoost that wrote it (0.90 has wheels for every "
        f"Python 3) load it and call save_model('model.bin') on its booster; then {xgboost_with_binary()}"
    )
