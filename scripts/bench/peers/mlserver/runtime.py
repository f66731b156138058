"""MLServer's custom runtime, as its documentation recommends for models that its own runtimes cannot load."""

import native
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, PandasCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Runtime(MLModel):
    def answer(self, values) -> InferenceResponse:
        output = NumpyCodec.encode_output("prediction", np.asarray(values, dtype=np.float64))
        return InferenceResponse(model_name=self.name, outputs=[output])


class Earnings(Runtime):
    async def load(self) -> bool:
        self.model = native.load_skops("earnings")
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        return self.answer(self.model.predict(self.decode_request(payload, default_codec=PandasCodec)))


class Diabetes(Runtime):
    async def load(self) -> bool:
        from xgboost import XGBClassifier

        self.model = XGBClassifier()
        self.model.load_model(native.MODELS / "diabetes" / "model.ubj")
        self.model.set_params(n_jobs=1)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = self.decode(payload.inputs[0], default_codec=NumpyCodec)
        return self.answer(self.model.predict_proba(rows)[:, 1])


class Sentiment(Runtime):
    async def load(self) -> bool:
        self.model = native.load_skops("sentiment")
        self.positive = list(self.model.classes_).index("Positive")
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        texts = self.decode(payload.inputs[0], default_codec=StringCodec)
        return self.answer(self.model.predict_proba(texts)[:, self.positive])
