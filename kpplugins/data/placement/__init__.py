"""How an annotation lies on its image: ``made_on`` which pixels, and the ``orientation`` of images in doubt."""
