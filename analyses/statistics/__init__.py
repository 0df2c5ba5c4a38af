"""Statistics that every analysis shares: rank agreement, intervals, effect sizes, p-values and sample sizes."""

from analyses.statistics.bootstrap_mean import BootstrapMean
from analyses.statistics.effect_sizes import cliffs_delta, paired_d, rank_biserial, vargha_delaney
from analyses.statistics.gini import gini_correlation, gini_correlations
from analyses.statistics.hierarchical_bootstrap import hierarchical_bootstrap
from analyses.statistics.interval import Interval, interval
from analyses.statistics.multiplicity import benjamini_hochberg, holm
from analyses.statistics.proportions import mcnemar, proportion, proportion_upper
from analyses.statistics.randomisation import randomisation_p_value
from analyses.statistics.rank_correlation import RankCorrelation, kendall_tau, somers_d
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
    "mcnemar",
    "needed_examples",
    "paired_d",
    "proportion",
    "proportion_upper",
    "randomisation_p_value",
    "rank_biserial",
    "somers_d",
    "vargha_delaney",
]
