"""How sure the numbers of a test are: intervals by resampling its images, and what is left of a difference.

- ``match_table``      which prediction of which image is right, as COCO's evaluator matched them; AP and AR by weights
- ``per_image_table``  all that the numbers of a test are made of, image by image; the numbers for any weights of images
- ``bca``              the interval of one number from its resampled values
- ``resampling``       weights of images for each resample, groups kept whole
- ``spread``           the resampled values of all numbers of a test, and of the difference of two tests
- ``seeds_split``      several trainings of one recipe: noise of training apart from that of the test

Nothing is matched twice: a resample only weighs the images anew.

Adding a new number: its numerator and denominator of each image in ``PerImageTable.of``.
"""
