"""The demo as a page in a browser: ``kpplugins demo --web``.

- ``server``    ``serve``: the address, limits, and the end
- ``guard``     ``Guard``: what the browser may do, and who may ask
- ``page``      the page: what is on it, and what happens when something on it changes
- ``uploads``   the files that a visitor gives, and which of them can be used
- ``findings``  ``Findings``: what each model found in them; without gradio
- ``pictures``  what is drawn, at the size at which it is shown
- ``films``     videos of it, as browsers play them
- ``tables``    what was found as rows, JSON and CSV
- ``live``      ``Live``: the visitor's camera

gradio is imported by ``page``, and by ``server`` when it serves; PyTorch by none.

Adding something to the page: a component and its event in ``page``; what it computes, in a module that can be tested
without a browser.
"""
