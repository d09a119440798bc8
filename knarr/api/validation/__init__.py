"""Say what is wrong with an object, field by field."""
