"""A BentoML service with two workers; each API takes the fields of one instance."""

import bentoml
import native


@bentoml.service(workers=2, traffic={"timeout": 30})
class Models:
    def __init__(self) -> None:
        self.score = {route: native.load(route) for route in ("earnings", "diabetes", "sentiment")}

    @bentoml.api
    def earnings(
        self,
        SAT_AVG_ALL: float,
        CREDDESC: str,
        CIPDESC_new: str,
        CONTROL: str,
        REGION: str,
        tuition: float,
        LOCALE: str,
        ADM_RATE_ALL: float,
    ) -> dict:
        fields = {
            "SAT_AVG_ALL": SAT_AVG_ALL, "CREDDESC": CREDDESC, "CIPDESC_new": CIPDESC_new, "CONTROL": CONTROL,
            "REGION": REGION, "tuition": tuition, "LOCALE": LOCALE, "ADM_RATE_ALL": ADM_RATE_ALL,
        }  # fmt: skip
        return {"prediction": self.score["earnings"](fields)}

    @bentoml.api
    def diabetes(
        self,
        times_pregnant: float,
        glucose: float,
        blood_pressure: float,
        skin_fold_thick: float,
        serum_insulin: float,
        mass_index: float,
        diabetes_pedigree: float,
        age: float,
    ) -> dict:
        fields = {
            "times_pregnant": times_pregnant, "glucose": glucose, "blood_pressure": blood_pressure,
            "skin_fold_thick": skin_fold_thick, "serum_insulin": serum_insulin, "mass_index": mass_index,
            "diabetes_pedigree": diabetes_pedigree, "age": age,
        }  # fmt: skip
        return {"prediction": self.score["diabetes"](fields)}

    @bentoml.api
    def sentiment(self, query: str) -> dict:
        return {"prediction": self.score["sentiment"]({"query": query})}
