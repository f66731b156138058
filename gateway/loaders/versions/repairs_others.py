"""Repairs of transformers, naive Bayes, support vectors, neighbours, Gaussian processes and calibration."""

from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.interpolate import BSpline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._indexing import _get_column_indices
from sklearn.utils._mask import _get_mask

from gateway.loaders.versions.old_answers import LabelsOnlyCentroid
from gateway.loaders.versions.repair import Attributes, Repair, Unrepairable


def _renamed(*pairs: tuple[str, str]) -> Any:
    def change(part: Any, found: Attributes) -> None:
        for old, new in pairs:
            if old in found and new not in found:
                found[new] = found.pop(old)

    return change


def _inverse_frequencies(part: Any, found: Attributes) -> None:
    if "_idf_diag" in found:
        kept = vars(found.pop("_idf_diag"))
        found["idf_"] = np.asarray(kept["data"], dtype=np.float64).ravel()


def _encoder(part: Any, found: Attributes) -> None:
    categories = found["categories_"]
    if found.pop("_legacy_mode", False):
        raise Unrepairable("it encodes whole numbers by their size, which no later version does")
    found.setdefault("_infrequent_enabled", False)
    found.setdefault("_missing_indices", {})
    if type(part).__name__ != "OneHotEncoder":
        return
    if "sparse" in found:
        found.setdefault("sparse_output", found.pop("sparse"))
    dropped = found.setdefault("drop_idx_", None)
    if "_drop_idx_after_grouping" not in found:
        if found["_infrequent_enabled"] and dropped is not None:
            raise Unrepairable("it drops one level and groups others, whose order changed in 1.3")
        found["_drop_idx_after_grouping"] = dropped
    if "_n_features_outs" not in found:
        if found["_infrequent_enabled"]:
            found["_n_features_outs"] = part._compute_n_features_outs()
        else:
            lost = [False] * len(categories) if dropped is None else [one is not None for one in dropped]
            found["_n_features_outs"] = [len(one) - gone for one, gone in zip(categories, lost, strict=True)]


def _imputer(part: Any, found: Attributes) -> None:
    dtype = found["statistics_"].dtype
    found.setdefault("_fit_dtype", dtype)
    found.setdefault("_fill_dtype", dtype)
    indicator = found.get("indicator_")
    if indicator is not None:
        # Until 0.22 it looked at the columns itself; today it is given what is missing.
        indicator._precomputed = True


def _indicator(part: Any, found: Attributes) -> None:
    found.setdefault("_precomputed", False)
    found.setdefault("n_features_in_", found.get("_n_features"))


def _former_imputer(part: Any, found: Attributes) -> None:
    if found.pop("axis") != 0:
        raise Unrepairable("it fills rows by their own values, which no later version does")
    if found["missing_values"] == "NaN":
        found["missing_values"] = np.nan
    found.setdefault("fill_value", None)


def _limits(part: Any, found: Attributes) -> None:
    width = len(vars(found["initial_imputer_"])["statistics_"])
    for name in ("_min_value", "_max_value"):
        found[name] = np.broadcast_to(found[name], (width,))


def _empty_columns(part: Any, found: Attributes) -> None:
    statistics = vars(found["initial_imputer_"])["statistics_"]
    found.setdefault("_is_empty_feature", np.asarray(pd.isna(statistics)))


def _valid_columns(part: Any, found: Attributes) -> None:
    if "_mask_fit_X" not in found:
        found["_mask_fit_X"] = _get_mask(found["_fit_X"], found["missing_values"])
    found.setdefault("_valid_mask", ~np.all(found["_mask_fit_X"], axis=0))


def _columns(part: Any, found: Attributes) -> None:
    """Find the places of the chosen columns among all of them, and put a transformer where a word stood."""
    if found.get("_df_columns") is not None:
        found.setdefault("feature_names_in_", np.asarray(found["_df_columns"], dtype=object))
    elif found.get("_feature_names_in") is not None:
        found.setdefault("feature_names_in_", np.asarray(found["_feature_names_in"], dtype=object))
    found.setdefault("n_features_in_", found["_n_features"])
    if "_transformer_to_input_indices" not in found:
        names = found.get("feature_names_in_")
        empty: Any = np.empty((0, found["n_features_in_"])) if names is None else pd.DataFrame(columns=names)
        found["_transformer_to_input_indices"] = {
            name: _get_column_indices(empty, columns) for name, _, columns in found["transformers_"]
        }
    found["transformers_"] = [
        (name, _passing(found, name) if isinstance(one, str) and one == "passthrough" else one, columns)
        for name, one, columns in found["transformers_"]
    ]


def _passing(owner: Attributes, name: str) -> Any:
    """Make the fitted transformer that stands for the word `passthrough` since 1.4."""
    made = FunctionTransformer(accept_sparse=True, check_inverse=False, feature_names_out="one-to-one")
    places = owner["_transformer_to_input_indices"][name]
    made.n_features_in_ = len(places)
    if "feature_names_in_" in owner:
        made.feature_names_in_ = np.asarray(owner["feature_names_in_"], dtype=object)[list(places)]
    return made


def _powers(part: Any, found: Attributes) -> None:
    found.setdefault("_min_degree", 0)
    found.setdefault("_max_degree", found["degree"])
    found.setdefault("_n_out_full", found["n_output_features_"])


def _kernel_components(part: Any, found: Attributes) -> None:
    _renamed(("alphas_", "eigenvectors_"), ("lambdas_", "eigenvalues_"))(part, found)
    found.setdefault("gamma_", found["gamma"] if found["gamma"] is not None else 1 / found["X_fit_"].shape[1])


def _quantiles(part: Any, found: Attributes) -> None:
    found.setdefault("n_quantiles_", len(found["quantiles_"]))


def _factorisation(part: Any, found: Attributes) -> None:
    if found.get("alpha", 0.0) != 0.0:
        raise Unrepairable("its regularisation was scaled otherwise before 1.0")
    losses = {"frobenius": 2, "kullback-leibler": 1, "itakura-saito": 0}
    found.update(alpha_W=0.0, alpha_H="same")
    found.setdefault("_n_components", found["n_components_"])
    found.setdefault("_beta_loss", losses.get(found["beta_loss"], found["beta_loss"]))


def _threads(part: Any, found: Attributes) -> None:
    found.setdefault("_n_threads", 1)


def _thresholds(part: Any, found: Attributes) -> None:
    _renamed(("_necessary_X_", "X_thresholds_"), ("_necessary_y_", "y_thresholds_"))(part, found)
    if "f_" not in found:
        part._build_f(found["X_thresholds_"], found["y_thresholds_"])


def _calibrated(part: Any, found: Attributes) -> None:
    _renamed(("calibrators_", "calibrators"))(part, found)
    if "classes_" in found:
        found["classes"] = found.pop("classes_")


def _stack(part: Any, found: Attributes) -> None:
    _renamed(("_le", "_label_encoder"))(part, found)


def _uniform_priors(part: Any, found: Attributes) -> None:
    count = len(found["classes_"])
    found.setdefault("class_prior_", np.full(count, 1 / count))


def _labels_only(part: Any, found: Attributes) -> None:
    if "within_class_std_dev_" not in found:
        part.__class__ = LabelsOnlyCentroid


def _splines(part: Any, found: Attributes) -> None:
    for place, spline in enumerate(found["bsplines_"]):
        kept = vars(spline)
        if "c" in kept:
            made = BSpline.construct_fast(kept["t"], kept["c"], kept["k"], kept["extrapolate"], kept.get("axis", 0))
            found["bsplines_"][place] = made


def _levels(part: Any, found: Attributes) -> None:
    found.setdefault("n_categories_", np.array([table.shape[1] for table in found["feature_log_prob_"]]))


def _vectors(part: Any, found: Attributes) -> None:
    _renamed(("n_support_", "_n_support"), ("probA_", "_probA"), ("probB_", "_probB"))(part, found)
    found.setdefault("_effective_probability", found["probability"])
    if "classes_" not in found:
        # Until 0.21 what regressors and detectors had there was never set.
        found["_n_support"] = np.full(2, len(found["support_"]), dtype=np.int32)


def _scale_of_answers(part: Any, found: Attributes) -> None:
    found.setdefault("_y_train_std", 1.0)


def _members_classes(part: Any, found: Attributes) -> None:
    found.setdefault("classes_", [member.classes_ for member in found["estimators_"]])


def _method(part: Any, found: Attributes) -> None:
    found.setdefault("chain_method_", "predict")


def _gamma(part: Any, found: Attributes) -> None:
    found.setdefault("_gamma", found["gamma"])


ROWS: Final = (
    Repair(("TfidfTransformer",), "1.5", _inverse_frequencies, "the diagonal of the matrix it was kept in"),
    Repair(("_BaseEncoder",), "1.4", _encoder, "without rare levels a level stands for itself"),
    Repair(("SimpleImputer",), "0.22", _former_imputer, "Imputer is its former name"),
    Repair(("IterativeImputer",), "0.23", _limits, "the same limit for every column"),
    Repair(("SimpleImputer",), "1.9", _imputer, "a cast to the type that the fills have already"),
    Repair(("MissingIndicator",), "1.4", _indicator, "an indicator of its own looks at the columns"),
    Repair(("IterativeImputer",), "1.7", _empty_columns, "a column without values has no first fill"),
    Repair(("KNNImputer",), "1.1", _valid_columns, "computed from the kept rows, as at fit since 1.1"),
    Repair(("ColumnTransformer",), "1.4", _columns, "the places follow from the names; a column that passes is kept"),
    Repair(("PolynomialFeatures",), "1.0", _powers, "powers began with 0 then"),
    Repair(("KernelPCA",), "1.3", _kernel_components, "the same members under other names"),
    Repair(("QuantileTransformer",), "0.21", _quantiles, "one row per quantile"),
    Repair(("NMF",), "1.0", _factorisation, "without regularisation nothing of it counts"),
    Repair(("KMeans", "MiniBatchKMeans"), "0.23", _threads, "a number of threads"),
    Repair(("IsotonicRegression",), "0.24", _thresholds, "the same points under other names"),
    Repair(("_CalibratedClassifier",), "0.24", _calibrated, "the same members under other names"),
    Repair(("StackingClassifier",), "1.2", _stack, "the same member under another name"),
    Repair(("NearestCentroid",), "1.6", _uniform_priors, "classes counted alike before there were priors"),
    Repair(("NearestCentroid",), "1.6", _labels_only, "that version answered labels alone"),
    Repair(("SplineTransformer",), "1.9", _splines, "SciPy's splines made again from knots, coefficients and degree"),
    Repair(("GaussianNB",), "1.0", _renamed(("sigma_", "var_")), "the same member under another name"),
    Repair(("CategoricalNB",), "0.24", _levels, "one column per level"),
    Repair(("BaseLibSVM",), "1.9", _vectors, "the same members under other names"),
    Repair(("GaussianProcessRegressor",), "0.23", _scale_of_answers, "answers were centred and not scaled then"),
    Repair(("MultiOutputClassifier",), "0.22", _members_classes, "the classes of its members"),
    Repair(("ClassifierChain",), "1.5", _method, "a chain fed labels then"),
    Repair(("RBFSampler",), "1.2", _gamma, "the parameter as it was given"),
)
