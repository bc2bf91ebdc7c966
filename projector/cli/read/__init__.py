"""The commands that read: each prints a page for a person, or with `--json` a document of `projector.documents`."""
