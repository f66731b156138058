"""
Fitted models as parts and numbers, for compilers and explainers: steps of pipelines, weights of linear models.

Looks at fitted attributes only, and imports no framework: a class is known by its name and by where it is defined.
"""
