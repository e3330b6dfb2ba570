"""Settings of the documentation site; ``make docs`` builds it into docs/_build/html."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the gallery's examples run here

import skviann

project = "skviann"
author = "The skviann developers"
project_copyright = author
release = version = skviann.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autosummary",
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

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"reproduce_paper\.py$",  # takes long; its table is a page
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,  # a page that loads scripts from the network
    "plot_gallery": True,
    "abort_on_example_error": True,
}

html_theme = "pydata_sphinx_theme"
html_title = "skviann"
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
        "paper",
        "start",
        "which_importance",
    ]
}
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "icon_links": [],
}


def link_to_package(app, env, node, contnode):
    """Find `VIANNSelector` from a docstring of another module than skviann itself."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or "." in target:
        return None
    return env.get_domain("py").resolve_xref(
        env, node["refdoc"], app.builder, "obj", f"skviann.{target}", node, contnode
    )


def setup(app):
    """Connect what is above."""
    app.connect("missing-reference", link_to_package)
