"""The further entities: one module each, found by its being here. See CONTRIBUTING.md."""
