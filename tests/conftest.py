"""What every test gets: folders of its own, and fixtures by concern from the `fix_*` files beside this one."""

from __future__ import annotations

pytest_plugins = [
    "pytester",
    "fix_folders",
    "fix_js",
    "fix_zips",
    "fix_models",
    "fix_placing",
    "fix_links",
    "fix_fronts",
    "fix_buckets",
    "carton_runtime.testing.plugin",
]
