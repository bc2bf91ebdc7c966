"""`/api/v1/…`: what the commands print with `--json`, byte for byte; `openapi.json` tells of it, `events` streams."""
