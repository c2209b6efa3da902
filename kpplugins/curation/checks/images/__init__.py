"""Checks of the images: files, duplicates, what they show, frames of one video, images shared by splits."""
