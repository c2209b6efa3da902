"""How sure a test is, as reports: ``interval_report`` of one test, ``differences`` of several recipes.

``image_groups`` tells which images belong together, so that frames of one video do not pass for independent ones.
"""
