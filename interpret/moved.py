"""Former paths of modules: importing one of them still works, with a warning that names its new path."""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

# Former folder, new folder, and the modules that moved, as former:new where the name changed.
_FOLDERS = (
    (
        "interpret",
        "interpret.attention",
        "attention_call:call interface_call unkept_call parted_call kernel_call rejoined_call eager masks placed "
        "pass_inputs kept_keys steps:passes_of_generation chain:layer_chain checks recomputation seam_taps:hooks "
        "seam:interface record:recording maps frame:position_spans blocks:row_blocks",
    ),
    (
        "interpret.watching",
        "interpret.attention.observed",
        "calls form heads hooks:module_hooks kernels marks mode pieces places positions products streams suspects "
        "whole",
    ),
    (
        "interpret",
        "interpret.interventions",
        "replay:layer_cache last_layer:partial_layer row:decision_row written_row:head_outputs sweep:batched_edits",
    ),
    ("interpret", "interpret.modes", "evaluating gradients:gradients_on"),
    ("interpret", "interpret.subjects", "passes:forward_pass text_config"),
    ("interpret", "interpret.system", "files memory footprint processes quiet writing refusals"),
    ("interpret", "interpret", "scale:tolerances"),
    ("interpret.subjects", "interpret.subjects", "generation:language_model"),
    ("interpret.doctor", "interpret.projections", "readers:output_projection multiplied answers"),
    ("interpret.doctor", "interpret.doctor", "finding:check_result rows:table_rows"),
    (
        "analyses",
        "analyses.attention",
        "reading:streaming entropy patterns received tiles:pooled_maps rollout_readers packing_tiles:encoded_maps",
    ),
    (
        "analyses",
        "analyses.explanations",
        "attribution attention_row rollout chefer_relevance gradients leave_one_out agreement faithfulness",
    ),
    ("analyses", "analyses.heads", "head_gradients:gradients word_pairs"),
    (
        "analyses",
        "analyses.decision",
        "analyze judgement schema caveats provenance kept_attention attention_statistics asked",
    ),
    ("analyses", "analyses.generation", "steps steps_leave_one_out:leave_one_out steps_schema:schema"),
    ("analyses", "analyses.export", "plain:to_json packing:encoding"),
    ("analyses", "analyses.translation", "alignment alignment_errors"),
    ("analyses", "analyses.diffusion", "word_heat_maps"),
    ("analyses", "analyses.planning", "effort cost:planned_and_taken"),
    (
        "analyses.components",
        "analyses.verdicts",
        "bars:thresholds claim content decoys:idle_heads dominance:value_norms edits:row_edits "
        "elsewhere:idle_elsewhere every_head image_tokens input_rank knockout masked_model measure measurement objects "
        "one_text pairing:shuffled_values patch_resampling rank ranking resampling top_k unlike:off_distribution use "
        "verdict vocabulary whole_maps",
    ),
    ("analyses.calibration", "analyses.verdicts", "error_rates"),
    (
        "analyses.study",
        "analyses.studies",
        "study accuracy baselines classic_columns extremes halves head_map plain_calls summary",
    ),
    ("analyses.study", "analyses.data_sets", "rows columns delimited json_lines tables matching notes"),
    ("analyses.study", "analyses.resumable", "chunks folder running parts"),
    ("reports", "reports.shared", "document notation shades charts study_numbers:side_by_side error_rate"),
    (
        "reports",
        "reports.analysis",
        "page view wording findings components classic classic_terms image_page pooled quote token_grid alignment "
        "excerpt",
    ),
    (
        "reports",
        "reports.study",
        "study_page:page study_view:view study_wording:wording study_terms:terms study_charts:charts "
        "study_classic:classic",
    ),
    (
        "reports",
        "reports.calibration",
        "calibration_page:page calibration_view:view calibration_wording:wording calibration_terms:terms",
    ),
    ("reports", "reports.generation", "steps_page:page steps_view:view"),
    ("reports", "reports.figures", "drawing pair_figure:word_pairs word_heat_figure:word_heat_maps"),
)
PACKAGES = {
    "interpret.watching": "interpret.attention.observed",
    "analyses.components": "analyses.verdicts",
    "analyses.study": "analyses.studies",
}
MOVED = {
    **{former: (new,) for former, new in PACKAGES.items()},
    **{
        f"{former}.{name.split(':')[0]}": (f"{new}.{name.split(':')[-1]}",)
        for former, new, names in _FOLDERS
        for name in names.split()
    },
    "interpret.edit": ("interpret.attention.editing", "interpret.attention.edits"),
}


class _FormerModule(ModuleType):
    """A module at a former path."""


class _Package(ModuleType):
    """A package whose public names stay what they are when a module of such a former name is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, _FormerModule) and name in self.__dict__.get("__all__", ())):
            super().__setattr__(name, value)


class _FormerPaths(MetaPathFinder, Loader):
    """Finds modules by their former paths; asked last, after all other finders."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module that stands for the one at the new path; `None` for any other name."""
        return spec_from_loader(name, self, is_package=name in PACKAGES) if name in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module."""
        return _FormerModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Lends the module the names of the one at its new path."""
        paths = MOVED[module.__name__]
        said = f"the module {module.__name__} is {' and '.join(paths)} now"
        warnings.warn(said, DeprecationWarning, stacklevel=2)
        for path in paths:
            names = vars(import_module(path))
            module.__dict__.update({name: value for name, value in names.items() if not name.startswith("__")})


def keep_former_paths(package: str) -> None:
    """Lets former paths in a package be imported, and its public names be what they are.

    Args:
        package: Its name; it is being imported.
    """
    sys.modules[package].__class__ = _Package
    if not any(isinstance(finder, _FormerPaths) for finder in sys.meta_path):
        sys.meta_path.append(_FormerPaths())
