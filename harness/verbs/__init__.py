"""The words that a person types, one file a family; each verb declares the options that it takes."""
