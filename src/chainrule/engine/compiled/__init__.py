"""The compiled engine, an extra: pip install 'chainrule[fast]'. See docs/design/engine.md."""
