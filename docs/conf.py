"""Settings of the documentation site; ``make docs`` builds it into docs/_build/html."""

import inspect
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the gallery's examples run here

from numpydoc.docscrape_sphinx import SphinxDocString
from sphinx.util.inspect import stringify_signature
from sphinx_gallery.sorting import ExplicitOrder

import skviann

REPOSITORY = "https://github.com/skviann/skviann"  # every link to it is made of this

project = "skviann"
author = "The skviann developers"
project_copyright = author
release = version = skviann.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",  # [source] beside each class and function
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
root_doc = "index"

# Every explicit reference must resolve; names in single backticks are linked where they
# can be. Other projects' inventories are not fetched, so that the build works offline.
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", ".*"),
    ("py:.*", "(keras|matplotlib|numpy|pandas|scikeras|sklearn|tensorflow).*"),
    (
        "std:ref",
        "(accuracy_score|df_output_transform|metadata_routing|r2_score|sphx_glr_.*)",
    ),
    ("std:term", "meta-estimator"),
]

# Pages are Markdown, the references in docstrings numpydoc's.
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
autosummary_generate = True
templates_path = ["_templates"]
default_role = "py:obj"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
toc_object_entries_show_parents = "hide"
highlight_options = {"python": {"stripnl": True}}  # no empty line after a doctest
maximum_signature_line_length = 80  # longer ones have a line for each parameter

# Copied is what one types: no prompts, no output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_selector = "div:not(.sphx-glr-script-out) > div.highlight > pre"

# The gallery's groups and their examples, in an order to learn them in. Each folder's
# README.rst has its heading. An example that is not listed is an error.
EXAMPLES = {
    "first_steps": [
        "quickstart",
        "regression",
        "selection_path",
        "fixed_features",
        "report",
    ],
    "tables": ["raw_table", "skrub_pipeline"],
    "targets": ["counts", "survival"],
    "tools": ["grid_search", "rfecv", "tune_with_optuna"],
    "how_sure": [
        "significance",
        "correlated_features",
        "stand_ins",
        "all_relevant",
    ],
    "compare": ["compare_importances", "digits_as_image"],
    "own_network": ["keras_network", "learned_selection"],
    "large_tables": ["wide_data", "dask_cluster"],
    "behind_the_scenes": [
        "weight_trajectories",
        "compare_with_random_forest",
        "paper_in_small",
    ],
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"reproduce_paper\.py$",  # takes long; its table is a page
    "subsection_order": [f"../examples/{folder}" for folder in EXAMPLES],
    "within_subsection_order": ExplicitOrder(
        [f"{name}.py" for names in EXAMPLES.values() for name in names]
    ),
    "thumbnail_size": (600, 420),
    "backreferences_dir": "auto_examples/backreferences",  # "Examples using ..."
    "doc_module": "skviann",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,  # a page that loads scripts from the network
    "plot_gallery": True,
    "abort_on_example_error": True,
}

html_theme = "pydata_sphinx_theme"
html_title = f"skviann {version}"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["skviann.css"]
html_show_sourcelink = False
# Pages without others under them have nothing to list at their left.
html_sidebars = {
    page: []
    for page in [
        "benchmarks",
        "changelog",
        "coming_from",
        "contributing",
        "faq",
        "paper",
        "start",
        "which_importance",
    ]
}
github_user, github_repo = REPOSITORY.split("/")[-2:]
html_context = {
    "github_user": github_user,
    "github_repo": github_repo,
    "github_version": "main",
    "doc_path": "docs",
}
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "navbar_align": "left",
    "header_links_before_dropdown": 4,
    "footer_start": ["copyright"],
    "footer_end": [],
    "use_edit_page_button": True,
    "secondary_sidebar_items": ["page-toc", "edit-this-page"],
    "icon_links": [
        {"name": "Repository", "url": REPOSITORY, "icon": "fa-brands fa-github"},
        {
            "name": "Report a problem",
            "url": f"{REPOSITORY}/issues",
            "icon": "fa-solid fa-bug",
        },
    ],
}


def link_to_package(app, env, node, contnode):
    """Find `VIANNSelector` from a docstring of another module than skviann itself."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or "." in target:
        return None
    return env.get_domain("py").resolve_xref(
        env, node["refdoc"], app.builder, "obj", f"skviann.{target}", node, contnode
    )


def show_init_signature(app, what, name, obj, options, signature, return_annotation):
    """Give Keras layers the parameters of their `__init__`, not (*args, **kwargs)."""
    if what == "class" and signature == "(*args, **kwargs)":
        return stringify_signature(inspect.signature(obj)), return_annotation
    return None


def skip_attributes(app, what, name, obj, skip, options):
    """Leave properties such as `threshold_` out of the methods.

    They are described under Attributes, in the class's docstring.
    """
    return True if isinstance(obj, property) and name.endswith("_") else None


def keep_description(self, param, desc, fake_autosummary):
    """Show an attribute as its class describes it, not by its property's first line."""
    return process_param(self, param, desc, fake_autosummary=False)


process_param = SphinxDocString._process_param
SphinxDocString._process_param = keep_description


def hide_edit_button(app, pagename, templatename, context, doctree):
    """Pages that are made by the build are no files of the repository."""
    if pagename.startswith(("api/", "auto_examples/", "_modules/")):
        context["theme_secondary_sidebar_items"] = ["page-toc"]
    if pagename == "auto_examples/index":  # its groups are at the left, too
        context["theme_secondary_sidebar_items"] = []


def setup(app):
    """Connect what is above."""
    app.connect("missing-reference", link_to_package)
    app.connect("autodoc-process-signature", show_init_signature)
    app.connect("autodoc-skip-member", skip_attributes)
    app.connect("html-page-context", hide_edit_button, priority=400)  # before the theme
