"""Flask-RESTful as its own documentation shows it: a Resource, reqparse, the native model."""

import native
from flask import Flask
from flask_restful import Api, Resource, reqparse

app = Flask(__name__)
api = Api(app)


def resource(route, types):
    score = native.load(route)
    parser = reqparse.RequestParser(bundle_errors=True)
    for name, kind in types.items():
        parser.add_argument(name, type=kind, required=True, location="json")

    class Predict(Resource):
        def post(self):
            return {"prediction": score(parser.parse_args())}

    return Predict


numbers = {"SAT_AVG_ALL", "tuition", "ADM_RATE_ALL"}
TYPES = {
    "earnings": {name: float if name in numbers else str for name in native.EARNINGS},
    "diabetes": dict.fromkeys(native.DIABETES, float),
    "sentiment": {"query": str},
}
for one, types in TYPES.items():
    api.add_resource(resource(one, types), f"/{one}", endpoint=one)


class Health(Resource):
    def get(self):
        return {}


api.add_resource(Health, "/health")
