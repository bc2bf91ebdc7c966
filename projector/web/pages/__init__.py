"""The pages: what each shows, asked of the query library. Each fills the template of its name."""
