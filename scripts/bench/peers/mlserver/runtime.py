"""MLServer's custom runtime, as its documentation recommends for models that its own runtimes cannot load."""

import native
import numpy as np
import pandas as pd
from mlserver import MLModel
from mlserver.codecs import decode_args


class Earnings(MLModel):
    async def load(self) -> bool:
        self.model = native.load_skops("earnings")
        return True

    @decode_args
    async def predict(self, payload: pd.DataFrame) -> np.ndarray:
        return self.model.predict(payload)


class Diabetes(MLModel):
    async def load(self) -> bool:
        from xgboost import XGBClassifier

        self.model = XGBClassifier()
        self.model.load_model(native.MODELS / "diabetes" / "model.ubj")
        self.model.set_params(n_jobs=1)
        return True

    @decode_args
    async def predict(self, payload: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(payload)[:, 1].astype(np.float64)


class Sentiment(MLModel):
    async def load(self) -> bool:
        self.model = native.load_skops("sentiment")
        self.positive = list(self.model.classes_).index("Positive")
        return True

    @decode_args
    async def predict(self, payload: list[str]) -> np.ndarray:
        return self.model.predict_proba(payload)[:, self.positive]
