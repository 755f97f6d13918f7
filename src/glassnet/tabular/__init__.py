"""Networks for tables by recipes that are good out of the box."""

from glassnet.tabular.model import TableModel
from glassnet.tabular.plan import Plan, plan
from glassnet.tabular.recipes import PRESETS, Recipe, recipe_for

__all__ = ["PRESETS", "Plan", "Recipe", "TableModel", "plan", "recipe_for"]
