"""Portfolio: the master scale of default probabilities, and limit and price by grade."""

from tallystick.models.portfolio.rating import GradeTest, MasterScale, ScaleOptions, ScaleTest, check_scale, fit_scale
from tallystick.models.portfolio.terms import Offer, Pricing, Terms, basel_capital, fit_terms, price_of

__all__ = [
    "GradeTest",
    "MasterScale",
    "Offer",
    "Pricing",
    "ScaleOptions",
    "ScaleTest",
    "Terms",
    "basel_capital",
    "check_scale",
    "fit_scale",
    "fit_terms",
    "price_of",
]
