"""The pages of Instroom."""
