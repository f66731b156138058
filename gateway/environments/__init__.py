"""
Python environments of models that do not run in this process: found, or built once for what a requirements file says.

`interpreters.py` finds Pythons that run, `requirements.py` reads what is to be installed, `building.py` has uv install
it, `environment.py` describes the result, `kept.py` lists and deletes. Nothing is ever downloaded but packages, and
those only while an environment is built: the key of an environment covers all that decides about it, so a built one is
found again without asking anybody. No module of another environment is imported here.
"""
