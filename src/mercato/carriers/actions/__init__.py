"""The verbs of carriers."""
