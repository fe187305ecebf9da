"""Where people decide: the queue over HTTP, and the page that works it.

routes  the queue, one file, decisions, the log and the labelled data
views   what the queue and a file look like as JSON
assets  the page's own files
page/   HTML, CSS and ES modules, as the browser gets them: no build step, nothing from elsewhere
"""
