"""What commands print: tables, durations, texts made fit for a terminal."""
