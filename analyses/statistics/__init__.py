"""Statistics that every analysis shares: rank agreement, intervals, effect sizes, p-values and sample sizes."""

from analyses.statistics.bootstrap_mean import BootstrapMean
from analyses.statistics.effect_sizes import cliffs_delta, paired_d, rank_biserial, vargha_delaney
from analyses.statistics.gini import gini_correlation, gini_correlations
from analyses.statistics.interval import Interval, hierarchical_bootstrap, interval
from analyses.statistics.p_values import (
    benjamini_hochberg,
    holm,
    randomisation_p_value,
    randomisation_p_values,
    stopped_p_value,
)
from analyses.statistics.proportions import mcnemar, proportion, proportion_upper
from analyses.statistics.rank_correlation import RankCorrelation, kendall_tau, kendall_taus, somers_d
from analyses.statistics.sample_size import needed_examples

__all__ = [
    "BootstrapMean",
    "Interval",
    "RankCorrelation",
    "benjamini_hochberg",
    "cliffs_delta",
    "gini_correlation",
    "gini_correlations",
    "hierarchical_bootstrap",
    "holm",
    "interval",
    "kendall_tau",
    "kendall_taus",
    "mcnemar",
    "needed_examples",
    "paired_d",
    "proportion",
    "proportion_upper",
    "randomisation_p_value",
    "randomisation_p_values",
    "rank_biserial",
    "somers_d",
    "stopped_p_value",
    "vargha_delaney",
]
