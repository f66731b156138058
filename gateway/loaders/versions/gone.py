"""Members of scikit-learn that are gone, and of which nothing counts that the repairs do not find elsewhere: losses."""

from typing import Final

_MEMBERS: Final = {
    "builtins": "DeprecationWarning FutureWarning",
    "sklearn._loss.glm_distribution": "DistributionBoundary GammaDistribution InverseGaussianDistribution "
    "NormalDistribution PoissonDistribution TweedieDistribution",
    "sklearn.ensemble._gb": "BinomialDeviance ExponentialLoss HuberLossFunction LeastAbsoluteError LeastSquaresError "
    "MultinomialDeviance QuantileLossFunction",
    "sklearn.ensemble._gb_losses": "BinomialDeviance ExponentialLoss HuberLossFunction LeastAbsoluteError "
    "LeastSquaresError MultinomialDeviance QuantileLossFunction",
    "sklearn.ensemble._hist_gradient_boosting.loss": "BinaryCrossEntropy CategoricalCrossEntropy "
    "LeastAbsoluteDeviation LeastSquares Poisson",
    "sklearn.linear_model._glm.link": "IdentityLink LogLink LogitLink",
    "sklearn.linear_model._sgd_fast": "Classification Huber Log Regression SquaredLoss",
    "sklearn.utils.deprecation": "DeprecationDict",
}
#: (module, name) of each.
GONE: Final = frozenset((module, name) for module, names in _MEMBERS.items() for name in names.split())
#: Attributes that held them.
OF_GONE: Final = frozenset(
    {"loss_", "_loss", "loss_function", "loss_function_", "_loss_function_", "_family_instance", "_link_instance"}
)
