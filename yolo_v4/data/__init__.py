"""Labels, records, frames and augmentation."""
