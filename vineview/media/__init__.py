"""Clips: what they are, and their way into a browser.

The only room that imports ``av``. Its functions are synchronous and free of event loops; the one
asynchronous door is :class:`~vineview.media.loader.MediaLoader`, which runs them in a thread.
"""
