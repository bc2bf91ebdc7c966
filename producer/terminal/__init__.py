"""What the command lines `producer` and `projector` share: options, settings, output, progress, exit statuses."""
