"""What a person looks at to know that all is well."""
