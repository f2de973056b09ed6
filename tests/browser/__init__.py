"""The panel in a real JupyterLab and a real browser: ``python -m tests.browser.picture`` takes the README's picture."""
